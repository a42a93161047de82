from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import compositions
from aiida_anhcsp.engine.search.distances import distance_table
from aiida_anhcsp.engine.search.fingerprint import distance, fingerprint
from aiida_anhcsp.engine.search.operators import Permutation, RefusalError, Rules


def layered():
    """L1_0 with its layers in pairs: 16 atoms, half copper."""
    frame = bulk("Cu", a=3.9, cubic=True) * (2, 1, 2)
    frame.symbols[8:] = "Au"
    return frame


RULES = Rules(compositions("Cu8Au8", 1), distance_table(["Cu", "Au"], 0.0))


def test_the_lattice_stays_and_the_order_of_the_elements_changes():
    child = Permutation()([layered()], RULES, np.random.default_rng(1))
    assert child.get_chemical_formula() == layered().get_chemical_formula()
    elements = ("Au", "Cu")
    assert distance(fingerprint(child, elements), fingerprint(layered(), elements)) > 0.01
    grey = [frame.copy() for frame in (child, layered())]
    for frame in grey:
        frame.symbols[:] = "Cu"
    assert distance(*(fingerprint(frame, ["Cu"]) for frame in grey)) < 1e-6


def test_one_element_is_refused_with_a_reason():
    rules = Rules(compositions("Cu", 1), distance_table(["Cu"], 0.0))
    with pytest.raises(RefusalError, match="one element"):
        Permutation()([bulk("Cu")], rules, np.random.default_rng(1))


def test_two_atoms_exchanged_are_the_same_crystal():
    assert Permutation().needs(compositions("CuAu", 1)) == "two elements in a cell of three atoms or more"
    assert Permutation().needs(compositions("Cu4", 1)) == "two elements in a cell of three atoms or more"
    assert Permutation().needs(compositions("CuAu", "1-2")) == Permutation().needs(compositions("Cu2Au", 1)) == ""
    rules = Rules(compositions("CuAu", "1-2"), distance_table(["Cu", "Au"], 0.0))
    parent = Atoms("CuAu", positions=[[0, 0, 0], [1.9, 0, 1.9]], cell=[2.7, 2.7, 3.7], pbc=True)
    with pytest.raises(RefusalError, match="two atoms only"):
        Permutation()([parent], rules, np.random.default_rng(1))
