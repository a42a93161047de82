from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import compositions
from aiida_anhcsp.engine.search.distances import distance_table
from aiida_anhcsp.engine.search.operators import RefusalError, Rules, SoftMutation


@pytest.fixture
def rules() -> Rules:
    return Rules(compositions("CuAu", "1-8"), distance_table(["Cu", "Au"], 0.0))


@pytest.fixture
def parent():
    atoms = bulk("Cu", cubic=True)
    atoms.symbols[:2] = "Au"
    return atoms


def test_the_volume_and_the_atoms_are_kept(parent, rules):
    child = SoftMutation()([parent], rules, np.random.default_rng(2))
    assert child.get_volume() == pytest.approx(parent.get_volume())
    assert child.get_chemical_formula() == parent.get_chemical_formula()


def test_different_randomness_takes_different_modes(parent, rules):
    born = []
    for seed in range(12):
        try:
            born.append(SoftMutation()([parent], rules, np.random.default_rng(seed)))
        except RefusalError:
            continue
    assert len({tuple(np.round(child.cell.cellpar(), 3)) for child in born}) > len(born) // 2 > 2


def test_one_atom_is_refused(rules):
    with pytest.raises(RefusalError, match="one atom"):
        SoftMutation()([bulk("Cu")], rules, np.random.default_rng(1))


def test_the_modes_are_those_of_the_rules(parent, rules):
    """Where the only mode shears the cell, the child is a sheared parent."""
    shear = np.zeros((1, 7, 3))
    shear[0, 4, 1] = shear[0, 5, 0] = 1.0
    parent.set_cell(1.5 * parent.cell.array, scale_atoms=True)
    sheared = Rules(rules.compositions, rules.distances, modes=lambda frame: shear)
    angles = SoftMutation()([parent], sheared, np.random.default_rng(1)).cell.angles()
    assert sum(abs(angle - 90.0) > 5.0 for angle in angles) == 1
