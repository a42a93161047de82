from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import Limits, compositions, compositions_within
from aiida_anhcsp.engine.search.distances import distance_table
from aiida_anhcsp.engine.search.operators import Add, RefusalError, Remove, Rules, Transmute

CUAU = compositions_within(Limits({"Cu": "0-8", "Au": "0-8"}, "1-8"))


@pytest.fixture
def rules() -> Rules:
    return Rules(CUAU, distance_table(["Cu", "Au"], 0.0))


@pytest.fixture
def parent():
    atoms = bulk("Cu", a=3.8, cubic=True)
    atoms.symbols[:2] = "Au"
    return atoms


def test_transmutation_changes_elements_and_moves_no_atom(parent, rules):
    child = Transmute()([parent], rules, np.random.default_rng(1))
    assert len(child) == 4
    assert child.symbols.formula != parent.symbols.formula
    assert child.get_volume() == pytest.approx(parent.get_volume())


def test_an_atom_is_added_where_there_is_room_and_the_volume_per_atom_stays(parent, rules):
    child = Add()([parent], rules, np.random.default_rng(1))
    assert 4 < len(child) <= 6
    assert child.get_volume() / len(child) == pytest.approx(parent.get_volume() / 4)
    assert not rules.distances.violation(child)


def test_atoms_are_removed(parent, rules):
    child = Remove()([parent], rules, np.random.default_rng(1))
    assert 2 < len(child) < 4
    assert child.get_volume() / len(child) == pytest.approx(parent.get_volume() / 4)


@pytest.mark.parametrize("operator", [Transmute(), Add(), Remove()])
def test_a_single_composition_is_not_enough(operator):
    assert operator.needs(CUAU) == ""
    assert "composition" in operator.needs(compositions("CuAu", 2))


def test_a_larger_number_of_formula_units_can_be_too_far(parent):
    rules = Rules(
        compositions("CuAu", "2-3"), distance_table(["Cu", "Au"], 0.0, {"Cu-Cu": 1.5, "Au-Au": 1.5, "Au-Cu": 1.5})
    )
    child = Add()([parent], rules, np.random.default_rng(1))
    assert child.get_chemical_formula(empirical=True) == "AuCu"
    assert len(child) == 6
    with pytest.raises(RefusalError, match="no larger composition"):
        Add()([child], rules, np.random.default_rng(1))
