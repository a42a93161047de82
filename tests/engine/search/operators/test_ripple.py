from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import compositions
from aiida_anhcsp.engine.search.distances import distance_table
from aiida_anhcsp.engine.search.operators import RefusalError, Ripple, Rules


@pytest.fixture
def rules() -> Rules:
    return Rules(compositions("Cu", "1-16"), distance_table(["Cu"], 0.0))


def test_atoms_move_and_the_cell_does_not(rules):
    parent = bulk("Cu", cubic=True) * (2, 1, 1)
    child = Ripple()([parent], rules, np.random.default_rng(1))
    assert child.get_volume() == pytest.approx(parent.get_volume())
    assert not np.allclose(np.sort(child.get_all_distances(mic=True)), np.sort(parent.get_all_distances(mic=True)))


def test_the_same_randomness_gives_the_same_child(rules):
    parent = bulk("Cu", cubic=True)
    first, second = (Ripple()([parent], rules, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first.positions, second.positions)


def test_one_atom_is_refused(rules):
    assert Ripple().needs(compositions("Cu", 1)) == "cells of two atoms or more"
    with pytest.raises(RefusalError, match="one atom"):
        Ripple()([bulk("Cu")], rules, np.random.default_rng(1))
