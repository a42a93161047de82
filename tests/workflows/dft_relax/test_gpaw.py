"""Relaxation by GPAW, for real."""

from __future__ import annotations

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.units import GPa

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.frames import labels_of
from aiida_anhcsp.workflows.dft_relax.gpaw import GpawRelaxWorkChain

from ..label.test_gpaw import has_gpaw


@pytest.mark.skipif(not has_gpaw(), reason="needs Debian's gpaw and gpaw-data")
def test_the_stress_at_the_end_balances_the_pressure(system_python):
    hydrogen = Atoms("H", cell=1.7 * (np.ones((3, 3)) - np.eye(3)) / 2 * 1.2, pbc=True, info={"id": "g000-0000"})
    settings = {"cutoff": 250, "kpoints_spacing": 1.0, "smearing": 0.2, "fmax": 0.05, "max_steps": 30}
    outputs, node = run_get_node(
        GpawRelaxWorkChain,
        population=PopulationData.from_frames([hydrogen]),
        code=system_python,
        pressure=orm.Float(200.0),
        settings=orm.Dict(settings),
    )
    assert node.is_finished_ok, node.exit_message
    (frame,) = outputs["population"].get_frames()
    assert frame.info["status"] == "converged"
    np.testing.assert_allclose(-labels_of(frame)["stress"][:3] / GPa, 200.0, atol=2.0)
    assert frame.info["spacegroup"] == "Fm-3m"
