from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.search.composition import (
    Composition,
    Limits,
    compositions,
    compositions_within,
    draw,
    parse_formula,
    parse_formula_units,
)


def test_a_formula_is_taken_as_written():
    assert parse_formula("H3S") == {"H": 3, "S": 1}
    assert parse_formula("Si16") == {"Si": 16}
    assert parse_formula("(H2O)3") == {"H": 6, "O": 3}


@pytest.mark.parametrize("formula", ["", "h3s", "Xx3", "H0S", "H2.5S", "3"])
def test_an_impossible_formula_is_refused_by_name(formula):
    with pytest.raises(InputError, match=r"^formula: "):
        parse_formula(formula)


def test_formula_units_are_a_number_or_a_range():
    assert parse_formula_units(2) == (2,)
    assert parse_formula_units("1-4") == (1, 2, 3, 4)


@pytest.mark.parametrize("units", ["0", "4-1", "-2", "1-", "one", "1.5"])
def test_impossible_formula_units_are_refused_by_name(units):
    with pytest.raises(InputError, match=r"^formula_units: "):
        parse_formula_units(units)


def test_a_cell_multiplies_the_formula_unit():
    small, large = compositions("H3S", "1-2")
    assert small.symbols == ["H", "H", "H", "S"]
    assert large.counts == (6, 2)
    assert large.n_atoms == 8


def test_a_composition_recognises_its_atoms_in_any_order():
    composition = Composition(("Cu",), (4,), 4)
    assert composition.holds(bulk("Cu", cubic=True))
    assert not composition.holds(bulk("Cu"))
    assert not composition.holds(bulk("Au", cubic=True))


def test_all_formula_units_are_equally_likely():
    choices = compositions("H3S", "1-4")
    rng = np.random.default_rng(1)
    counts = np.bincount([draw(choices, rng).units for _ in range(400)], minlength=5)[1:]
    assert counts.min() > 70


def limited(**changes) -> list[str]:
    keys = {"elements": {"Mg": "0-2", "H": "0-4"}, "atoms": "2-4", **changes}
    return ["".join(composition.symbols) for composition in compositions_within(Limits(**keys))]


def test_limits_give_every_composition_within_them_and_the_elements():
    found = limited()
    assert {"MgMgHH", "MgHHH", "HHHH", "MgH"} <= set(found)
    assert {"Mg", "H", "MgMgMgMg"} <= set(found)
    assert "MgMgHHH" not in found
    assert len(found) == len(set(found))


def test_charges_must_cancel():
    found = limited(charges={"Mg": 2, "H": -1})
    assert [name for name in found if "MgH" in name] == ["MgHH"]


@pytest.mark.parametrize(
    ("ratio", "found"), [(2, {"MgHH"}), ("0.5-1", {"MgH", "MgMgH", "MgMgHH"}), ("3-12", {"MgHHH"})]
)
def test_a_ratio_limits_compounds_and_leaves_the_elements(ratio, found):
    names = limited(ratios={"H/Mg": ratio})
    assert {name for name in names if "MgH" in name} == found
    assert {"Mg", "HHHH"} <= set(names)


def test_what_has_neither_element_of_a_ratio_obeys_it():
    names = limited(elements={"Mg": "0-1", "Ca": "0-2", "Li": "0-2", "H": "0-4"}, ratios={"H/Mg": "2-12"})
    assert "CaLi" in names and "MgHH" in names
    assert "CaHH" not in names and "MgCa" not in names


def test_with_ends_only_their_multiples_are_left():
    found = limited(elements={"Mg": 0, "Ca": 0, "H": 0}, atoms="3-6", ends=("MgH2", "CaH2"))
    compounds = {name for name in found if "H" in name and set(name) != {"H"}}
    assert compounds == {"MgHH", "CaHH", "MgMgHHHH", "MgCaHHHH", "CaCaHHHH"}


def test_only_what_atoms_charges_and_ratios_leave_counts_against_the_limit():
    elements = {"Mg": "0-8", "Ca": "0-8", "Al": "0-8", "H": "0-24"}
    assert len(limited(elements=elements, atoms="2-12")) > 1000
    elements = {"Mg": "0-40", "Ca": "0-40", "Al": "0-40", "H": "0-120"}
    charges = {"Mg": 2, "Ca": 2, "Al": 3, "H": -1}
    names = limited(elements=elements, atoms="2-32", charges=charges)
    assert len(names) < 10_000 and "MgCaAlHHHHHHH" in names


def test_ends_are_counted_by_the_atoms_they_have():
    elements = {"Mg": 0, "Ca": 0, "Sr": 0, "H": 0}
    names = limited(elements=elements, atoms="3-24", ends=("MgH2", "CaH2", "SrH2"))
    assert len([name for name in names if name.startswith("MgCaSrH")]) == 1
    assert max(sum(map(str.isupper, name)) for name in names) == 24
    sums = [(a, b, c) for a in range(9) for b in range(9 - a) for c in range(9 - a - b)]
    assert len(names) == len(sums) - 1 + 16


def test_counts_that_must_be_positive_and_large_ranges_are_cut_by_atoms():
    assert limited(elements={"Mg": "2-999999999", "H": "1-999999999"}, atoms="3-4") == [
        *("H", "Mg", "HH", "MgMg"),
        *("HHH", "MgMgH", "MgMgMg", "HHHH", "MgMgHH", "MgMgMgH", "MgMgMgMg"),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"elements": {"Mg": "3-1", "H": "0-4"}}, "composition.elements.Mg: '3-1' is no range"),
        ({"atoms": "many"}, "composition.atoms: 'many' is no range"),
        ({"atoms": 0}, "composition.atoms: 0 allows a cell without atoms"),
        ({"atoms": "0-4"}, "composition.atoms: '0-4' allows a cell without atoms"),
        ({"elements": {"Mg": "0-4", "H": 0}}, "composition.elements.H: no compound within the limits has it"),
        ({"elements": {"Mg": 0, "Li": 0, "H": 0}, "ends": ("MgH", "MgH2")}, "composition.elements.Li: no compound"),
        ({"atoms": 1}, "composition.elements.Mg: no compound within the limits has it"),
        ({"atoms": "20-30"}, "composition: no composition is within these limits"),
        ({"elements": {"Mg": "0-150", "H": "0-150"}, "atoms": "2-200"}, "composition: allows more than 10000 comp"),
        ({"elements": {"Mg": "0-999", "H": "0-999"}, "atoms": "2-999"}, "composition: allows more than 100000 comb"),
    ],
)
def test_impossible_limits_are_refused_by_name(changes, message):
    with pytest.raises(InputError, match=message):
        limited(**changes)


@pytest.mark.parametrize(
    ("formula", "numbers"),
    [("Si8", [2, 4]), ("Ag6", [2, 3]), ("Si2", []), ("H3S", []), ("Ti4O8", [2, 4]), ("Cu8Au8", [2, 4, 8])],
)
def test_a_cell_is_divided_into_like_cells_of_two_atoms_at_least(formula, numbers):
    (whole,) = compositions(formula, 1)
    assert whole.divisors() == numbers
    for number in numbers:
        part = whole.divided(number)
        assert part.n_atoms * number == whole.n_atoms and part.elements == whole.elements
