from __future__ import annotations

import numpy as np
import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.settings import SearchSettings, settings_to_make
from aiida_anhcsp.engine.search.vary import vary

GOOD = {"formula": "H3S", "population": 4, "generations": 2, "seed": 1}


def test_what_is_not_given_has_a_default():
    settings = SearchSettings.parse(GOOD)
    assert settings.pressure == 0.0
    assert settings.relax.fmax == 0.01
    assert settings.compositions()[0].n_atoms == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"formula": "H3Q"}, "^formula: no element 'Q'"),
        ({"formula_units": "3-1"}, "^formula_units: "),
        ({"population": 0}, "^population: 0 is not possible"),
        ({"generations": -1}, "^generations: "),
        ({"popualtion": 4}, "^popualtion: unknown key; did you mean population"),
        ({"population": None, "popualtion": 4}, "^popualtion: unknown key"),
        ({"relax": {"fmx": 0.1}}, "^relax.fmx: unknown key"),
        ({"relax": {"fmax": 0}}, "^relax.fmax: "),
        ({"pressure": float("nan")}, "^pressure: "),
        ({"minimum_distances": {"H-O": 1.0}}, "^minimum_distances: 'O'"),
        ({"minimum_distances": {"H-S": 1.0, "S-H": 1.1}}, "^minimum_distances: H-S is given twice"),
        ({"operators": {"random": 0}}, "^operators: all weights are zero"),
        ({"operators": {"magic": 1}}, "^operators.magic: unknown key"),
        ({"max_relaxations": 0}, "^max_relaxations: "),
        ({"seed": "one"}, "^seed: "),
        ({"composition": {"elements": {"H": "0-4", "S": "0-4"}, "atoms": "1-4"}}, "^composition: given beside formula"),
        ({"adaptation": 1.5}, "^adaptation: "),
        ({"antiseeds": {"weight": 0}}, "^antiseeds.weight: "),
        ({"stop": {"target_distance": 2}}, "^stop.target_distance: "),
        ({"duplicates": {"symmetry": [0.1, 0]}}, "^duplicates.symmetry: a tolerance is not positive"),
        ({"fitness": "beauty"}, "^fitness: 'beauty' is unknown; give one of enthalpy, hull_distance, gibbs"),
        ({"fitness": "hull_distance"}, "^fitness: one formula has no hull; use enthalpy"),
        ({"fitness": "gibbs", "symmetrise": 2}, "^symmetrise: not with fitness: gibbs.*remove it"),
    ],
)
def test_bad_input_is_one_line_that_names_the_key(changes, message):
    with pytest.raises(InputError, match=message) as error:
        SearchSettings.parse({**GOOD, **changes})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("element", "number"), [("cu", "0-2"), ("H2O", 1)])
def test_what_is_no_element_is_named(element, number):
    keys = {**{key: value for key, value in GOOD.items() if key != "formula"}}
    limits = {"elements": {element: number, "Au": 1}, "atoms": 4}
    with pytest.raises(InputError, match=f"^composition.elements: '{element}' is no element; write symbols, as {{Cu"):
        SearchSettings.parse({**keys, "composition": limits})


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [("formula_units", "1-2", "composition.atoms limits cells"), ("subcells", 0.1, "remove it")],
)
def test_what_only_one_formula_has_is_refused_over_compositions(key, value, fix):
    limits = {"elements": {"H": "0-4", "S": "0-4"}, "atoms": "1-4"}
    keys = {**{key: value for key, value in GOOD.items() if key != "formula"}, "composition": limits}
    with pytest.raises(InputError, match=f"^{key}: not used over compositions; .*{fix}"):
        SearchSettings.parse({**keys, key: value})


@pytest.mark.parametrize(
    ("fitness", "message"), [("enthalpy", "use hull_distance"), ("gibbs", "give formula instead of composition")]
)
def test_a_search_over_compositions_is_ranked_by_its_hull(fitness, message):
    limits = {"elements": {"H": "0-4", "S": "0-4"}, "atoms": "1-4"}
    keys = {**{key: value for key, value in GOOD.items() if key != "formula"}, "composition": limits}
    assert SearchSettings.parse(keys).ranked_by == "hull_distance"
    assert SearchSettings.parse({**keys, "fitness": "hull_distance"}).ranked_by == "hull_distance"
    with pytest.raises(InputError, match=f"^fitness: .*{message}"):
        SearchSettings.parse({**keys, "fitness": fitness})


@pytest.mark.parametrize("key", ["formula", "population", "generations", "seed"])
def test_a_missing_key_is_named(key):
    with pytest.raises(InputError, match=f"^{key}: missing"):
        SearchSettings.parse({name: value for name, value in GOOD.items() if name != key})


def test_the_relaxations_allowed_are_shared_out_generation_by_generation():
    settings = SearchSettings.parse({**GOOD, "generations": 4, "max_relaxations": 10})
    assert [settings.number_in(generation) for generation in range(5)] == [4, 4, 2, 0, 0]


def test_prototypes_are_among_the_relaxations_allowed():
    keys = {**GOOD, "generations": 4, "max_relaxations": 10, "prototypes": 3}
    settings = SearchSettings.parse(keys)
    assert [settings.number_in(generation) for generation in range(5)] == [4, 3, 0, 0, 0]
    assert SearchSettings.parse(settings_to_make(1, keys)).number_in(1) == 3
    with pytest.raises(InputError, match=r"^max_relaxations: 3 leaves none beside 3 prototypes"):
        SearchSettings.parse({**keys, "max_relaxations": 3})


def test_without_a_limit_every_generation_is_full():
    settings = SearchSettings.parse(GOOD)
    assert [settings.number_in(generation) for generation in range(3)] == [4, 4, 0]


def over(**changes):
    limits = {"elements": {"H": "0-4", "S": "0-4"}, "atoms": "1-4", **changes}
    return SearchSettings.parse({"composition": limits, "population": 4, "generations": 2, "seed": 1})


def test_a_search_over_compositions_has_all_cells_within_its_limits():
    settings = over()
    assert settings.variable
    assert settings.system == "H-S"
    assert {"H", "S", "HS", "HHS", "HHHH"} <= {"".join(each.symbols) for each in settings.compositions()}


def test_ratios_between_elements_are_limited_and_the_elements_stay():
    found = {"".join(each.symbols) for each in over(ratios={"H/S": "2-3"}).compositions()}
    assert found == {
        "HHS",
        "HHHS",
        *("H" * number for number in range(1, 5)),
        *("S" * number for number in range(1, 5)),
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"elements": {"H2": "0-4", "S": "0-4"}}, "^composition.elements: 'H2' is no element"),
        ({"elements": {"H": "4-0", "S": "0-4"}}, "^composition.elements.H: "),
        ({"elements": {"H": "0-4"}}, "^composition.elements: "),
        ({"atoms": "9-12"}, "^composition: no composition is within these limits"),
        ({"charges": {"H": 1}}, "^composition.charges: not one for each element"),
        ({"ends": ["H2S", "Li"]}, "^composition.ends: Li has Li"),
        ({"ratio": 2}, "^composition.ratio: unknown key"),
        ({"ratios": {"H/Li": 2}}, "^composition.ratios.H/Li: not two elements of the search"),
        ({"ratios": {"H/S": "3-2"}}, "^composition.ratios.H/S: '3-2' is no range"),
        ({"ratios": {"H/S": "few"}}, "^composition.ratios.H/S: 'few' is no range"),
        ({"ratios": {"H/S": "20-30"}}, "^composition: no composition is within these limits"),
    ],
)
def test_impossible_limits_are_one_line_that_names_the_key(changes, message):
    with pytest.raises(InputError, match=message):
        over(**changes)


def test_new_structures_do_not_depend_on_what_relaxes_ranks_and_ends_the_search(ranked_h3s):
    keys = {"formula": "H3S", "formula_units": "1-2", "pressure": 150, "population": 6, "seed": 4}
    keys |= {"generations": 9, "relax": {"fmax": 0.2}, "stop": {"generations_without_better": 2}}
    keys |= {"duplicates": {"fingerprint": 0.1}, "symmetrise": 3, "max_relaxations": 40, "niching": 0.3, "mating": 0.7}
    full = SearchSettings.parse(keys)
    needed = [SearchSettings.parse(settings_to_make(generation, keys)) for generation in (0, 1)]
    assert needed[0] != needed[1] != full
    for settings, make in ((needed[0], random_population), (needed[1], lambda search: vary(ranked_h3s, search, 1))):
        for ours, theirs in zip(make(settings), make(full), strict=True):
            assert ours.info == theirs.info
            np.testing.assert_array_equal(ours.positions, theirs.positions)


@pytest.mark.parametrize("distance", [3.5, 4.0, 5.0, 6.0])
def test_distances_that_leave_no_room_are_refused_before_anything_is_made(distance):
    keys = {
        "population": 4,
        "generations": 1,
        "seed": 1,
        "minimum_distances": dict.fromkeys(("Cu-Cu", "Cu-Au", "Au-Au"), distance),
    }
    with pytest.raises(InputError, match=r"^minimum_distances: .* do not fit in 63\.3 angstrom\^3; lower .*[^e]$"):
        SearchSettings.parse({**keys, "formula": "Cu2Au2"})
    with pytest.raises(InputError, match=r"^minimum_distances: .* do not fit in"):
        SearchSettings.parse({**keys, "composition": {"elements": {"Cu": "0-4", "Au": "0-4"}, "atoms": "2-4"}})


def test_an_element_alone_without_room_is_refused_over_compositions():
    """Among much gold there would be room, but the hull refers to copper alone."""
    keys = {"population": 4, "generations": 1, "seed": 1, "minimum_distances": {"Cu-Cu": 3.2}}
    with pytest.raises(InputError, match=r"1 Cu atoms 3\.20 angstrom apart do not fit"):
        SearchSettings.parse({**keys, "composition": {"elements": {"Cu": "0-1", "Au": "7"}, "atoms": "8"}})
    SearchSettings.parse({**keys, "formula": "CuAu7"})
