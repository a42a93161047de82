from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import compositions
from aiida_anhcsp.engine.search.distances import distance_table
from aiida_anhcsp.engine.search.operators import RefusalError, Rules, SoftMutation
from aiida_anhcsp.engine.search.operators.softmutation import soft_modes


@pytest.fixture
def rules() -> Rules:
    return Rules(compositions("CuAu", "1-8"), distance_table(["Cu", "Au"], 0.0))


@pytest.fixture
def parent():
    atoms = bulk("Cu", cubic=True)
    atoms.symbols[:2] = "Au"
    return atoms


def test_rigid_motions_are_no_modes(parent):
    """No mode that is left moves all atoms alike or merely turns the crystal."""
    for mode in soft_modes(parent):
        atoms, strain = mode[:-3], mode[-3:]
        moved = np.abs(atoms - atoms.mean(axis=0)).max() + np.abs(strain + strain.T).max()
        assert moved > 1e-3 * np.abs(mode).max()


def test_there_are_as_many_modes_as_degrees_of_freedom(parent):
    assert soft_modes(parent).shape == (3 * 4 + 9 - 6, 7, 3)


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
