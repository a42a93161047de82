"""Points of parity plots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.units import GPa

from aiida_anhcsp.engine.frames import with_labels
from aiida_anhcsp.engine.learning.parity import MOST_POINTS, parity_of
from aiida_anhcsp.engine.potentials.base import Evaluation


def labelled(stress: Any = None) -> Atoms:
    atoms = Atoms("H2", cell=np.eye(3) * 3, pbc=True)
    return with_labels(atoms, -1.0, np.arange(6.0).reshape(2, 3), stress)


def evaluated(energy: float) -> Evaluation:
    return Evaluation("ok", energy=energy, forces=np.full((2, 3), energy), stress=np.full(6, energy * GPa))


def test_points_are_per_atom_and_per_component_and_leave_out_what_could_not_be_computed() -> None:
    frames = [labelled(np.full(6, 2 * GPa)), labelled(np.zeros(6))]
    table = parity_of(frames, [evaluated(-0.6), Evaluation("failed", "no")], [evaluated(-0.8), evaluated(0.0)])
    assert table["energy"] == {"label": [-0.5], "before": [-0.3], "after": [-0.4]}
    assert table["force"]["label"] == [0, 1, 2, 3, 4, 5]
    assert table["force"]["after"] == [-0.8] * 6
    assert table["stress"]["label"] == pytest.approx([2.0] * 6)
    assert table["stress"]["before"] == pytest.approx([-0.6] * 6)


def test_a_new_potential_has_no_before_and_labels_without_stress_no_stress() -> None:
    table = parity_of([labelled(), labelled(np.zeros(6))], None, [evaluated(0.0)] * 2)
    assert set(table["energy"]) == {"label", "after"}
    assert (len(table["force"]["label"]), len(table["stress"]["label"])) == (12, 6)
    assert set(parity_of([labelled()], None, [evaluated(0.0)])) == {"energy", "force"}


def test_of_many_points_evenly_spaced_ones_are_kept() -> None:
    number = 1000
    table = parity_of([labelled()] * number, None, [evaluated(0.0)] * number)
    assert len(table["energy"]["label"]) == number
    assert len(table["force"]["label"]) == len(table["force"]["after"]) == MOST_POINTS
    assert set(table["force"]["label"]) == {0, 1, 2, 3, 4, 5}
