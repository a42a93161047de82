"""Relaxation by VASP at a pressure: the geometry that comes back balances it."""

from __future__ import annotations

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.units import GPa

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.workflows.dft_relax.vasp import VaspRelaxWorkChain

from ..vasp_fixtures import potcar_family, vasp_code  # noqa: F401


def test_a_relaxed_alloy_balances_the_pressure_and_keeps_its_order(vasp_code, potcar_family):  # noqa: F811
    atoms = bulk("Cu", a=3.7, cubic=True)
    atoms.symbols[[0, 2]] = "Au"
    atoms.rattle(0.05, seed=2)
    atoms.info.update(id="g000-0000", generation=0)
    outputs, node = run_get_node(
        VaspRelaxWorkChain,
        population=PopulationData.from_frames([atoms]),
        pressure=orm.Float(20.0),
        code=vasp_code,
        potential_family=orm.Str(potcar_family),
    )
    assert node.is_finished_ok, node.exit_message
    (relaxed,) = outputs["population"].get_frames()
    assert relaxed.info["status"] == "converged"
    assert relaxed.get_chemical_symbols() == atoms.get_chemical_symbols()
    energy = relaxed.get_potential_energy()
    relaxed.calc = EMT()
    np.testing.assert_allclose(-relaxed.get_stress()[:3] / GPa, 20.0, atol=0.2)
    assert relaxed.get_potential_energy() == pytest.approx(energy, abs=1e-5)
    expected = (energy + 20.0 * GPa * relaxed.get_volume()) / 4
    assert relaxed.info["enthalpy"] == pytest.approx(expected, abs=1e-6)
    atoms.calc = EMT()
    BFGS(FrechetCellFilter(atoms, scalar_pressure=20.0 * GPa), logfile=None).run(fmax=0.01, steps=200)
    lowest = (atoms.get_potential_energy() + 20.0 * GPa * atoms.get_volume()) / 4
    assert relaxed.info["enthalpy"] == pytest.approx(lowest, abs=1e-3)
