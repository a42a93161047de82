from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import Limits, compositions, compositions_within
from aiida_anhcsp.engine.search.distances import distance_table
from aiida_anhcsp.engine.search.fingerprint import distance, fingerprint
from aiida_anhcsp.engine.search.operators import Add, RefusalError, Remove, Rules, Transmute
from aiida_anhcsp.engine.search.volumes import estimated_volume

CUAU = compositions_within(Limits({"Cu": "0-8", "Au": "0-8"}, "1-8"))


@pytest.fixture
def rules() -> Rules:
    return Rules(CUAU, distance_table(["Cu", "Au"], 0.0))


@pytest.fixture
def parent():
    atoms = bulk("Cu", a=3.8, cubic=True)
    atoms.symbols[:2] = "Au"
    return atoms


def growth(child, parent, pressure=0.0) -> float:
    """Volume of the child relative to the parent's, as a share of what the estimates of both say."""
    estimates = estimated_volume(child, pressure) / estimated_volume(parent, pressure)
    return child.get_volume() / parent.get_volume() / estimates


def test_transmutation_changes_elements_and_moves_no_atom_in_the_cell(parent, rules):
    child = Transmute()([parent], rules, np.random.default_rng(1))
    assert len(child) == 4
    assert child.symbols.formula != parent.symbols.formula
    assert growth(child, parent) == pytest.approx(1.0)
    grey = [Atoms(numbers=[29] * 4, positions=frame.positions, cell=frame.cell, pbc=True) for frame in (child, parent)]
    assert distance(*(fingerprint(frame, ["Cu"]) for frame in grey)) < 1e-6


def test_an_atom_is_added_where_there_is_room_and_the_volume_grows_by_its_own(parent, rules):
    child = Add()([parent], rules, np.random.default_rng(1))
    assert 4 < len(child) <= 6
    assert growth(child, parent) == pytest.approx(1.0)
    assert not rules.distances.violation(child)


def test_atoms_are_removed_with_their_volume(parent, rules):
    child = Remove()([parent], rules, np.random.default_rng(1))
    assert 2 < len(child) < 4
    assert growth(child, parent) == pytest.approx(1.0)


@pytest.mark.parametrize("pressure", [0.0, 150.0])
def test_hydrogen_takes_its_own_volume_in_a_metal_not_that_of_an_atom_of_the_metal(pressure):
    choices = compositions_within(Limits({"Mg": 8, "H": "0-4"}, "8-12"))
    rules = Rules(choices, distance_table(["Mg", "H"], pressure), pressure=pressure)
    metal = bulk("Mg", "fcc", a=4.5, cubic=True) * (2, 1, 1)
    metal.set_cell(metal.cell * np.cbrt(estimated_volume(metal, pressure) / metal.get_volume()), scale_atoms=True)
    child = Add()([metal], rules, np.random.default_rng(2))
    assert child.get_volume() == pytest.approx(estimated_volume(child, pressure))


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
