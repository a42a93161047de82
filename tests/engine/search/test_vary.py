from __future__ import annotations

import logging
from collections import Counter

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import through_text
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.operators import OPERATORS, RefusalError
from aiida_anhcsp.engine.search.operators.base import AnyComposition
from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.rates import FLOOR, rates
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.engine.search.vary import parents_of, vary
from aiida_anhcsp.engine.search.volumes import estimated_volume


def changed(settings: SearchSettings, **changes: object) -> SearchSettings:
    return SearchSettings.parse({**settings.model_dump(), **changes})


def test_operators_share_a_generation_by_their_weights(ranked_h3s, h3s):
    children = vary(ranked_h3s, changed(h3s, operators={"random": 1, "heredity": 3, "strain": 1}, adaptation=0), 1)
    assert Counter(child.info["operator"] for child in children) == {"random": 2, "heredity": 6, "strain": 2}
    assert [child.info["id"] for child in children] == [f"g001-{index:04d}" for index in range(10)]


def test_children_name_their_parents_and_newcomers_have_none(ranked_h3s, h3s):
    known = {frame.info["id"] for frame in ranked_h3s if "rank" in frame.info}
    expected = {"random": 0, "heredity": 2}
    for child in vary(ranked_h3s, h3s, 1):
        parents = child.info.get("parents", "").split()
        assert len(parents) == len(set(parents)) == expected.get(child.info["operator"], 1)
        assert set(parents) <= known


def test_children_obey_the_rules_of_the_search(ranked_h3s, h3s):
    table = h3s.distance_table()
    for child in vary(ranked_h3s, h3s, 1):
        assert not table.violation(child)
        assert any(composition.holds(child) for composition in h3s.compositions())


def test_one_seed_gives_the_same_generation_also_from_a_file(ranked_h3s, h3s):
    first = vary(through_text(ranked_h3s), h3s, 2)
    second = vary(through_text(through_text(ranked_h3s)), h3s, 2)
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(first, second, strict=True))
    assert [a.info for a in first] == [b.info for b in second]


def test_where_everything_failed_all_are_random_and_the_log_says_so(ranked_h3s, h3s, caplog):
    caplog.set_level(logging.INFO)
    children = vary(ranked_h3s[-1:], h3s, 1)
    assert {child.info["operator"] for child in children} == {"random"}
    assert len(children) == h3s.population
    assert "heredity needs 2 distinct parents, there are 0" in caplog.text
    assert not any("instead_of" in child.info for child in children)


class Refusing(AnyComposition):
    name = "heredity"
    n_parents = 2

    def __call__(self, parents, rules, rng):
        raise RefusalError("never")


def test_an_operator_that_never_succeeds_is_replaced_and_left_alone(ranked_h3s, h3s, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setitem(OPERATORS, "heredity", Refusing())
    children = vary(ranked_h3s, changed(h3s, operators={"heredity": 1}), 1)
    assert [child.info["operator"] for child in children] == ["random"] * 10
    assert {child.info["instead_of"] for child in through_text(children)} == {"heredity"}
    assert caplog.text.count("heredity gave no child in 50 attempts, mostly: never") == 3


def test_the_rate_of_an_operator_that_never_succeeds_falls_to_the_floor(monkeypatch):
    monkeypatch.setitem(OPERATORS, "heredity", Refusing())
    keys = {"formula": "CuAu", "population": 40, "generations": 9, "seed": 1, "adaptation": 1.0}
    settings = SearchSettings.parse({**keys, "operators": {"random": 1, "strain": 1, "heredity": 1}})
    enthalpies = np.random.default_rng(1)
    population = random_population(settings)
    shares = []
    for generation in range(1, 5):
        for frame in population:
            frame.info |= {"status": "converged", "enthalpy": frame.info.get("enthalpy", enthalpies.normal())}
        population = rank(population, settings)
        shares.append(rates(population, parents_of(population, settings), settings)["heredity"])
        population += vary(population, settings, generation)
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(FLOOR, abs=0.01)


def test_the_last_generation_is_cut_to_the_relaxations_left(ranked_h3s, h3s):
    assert len(vary(ranked_h3s, changed(h3s, max_relaxations=13), 1)) == 3


OVER_COMPOSITIONS = {
    "composition": {"elements": {"Cu": "0-3", "Au": "0-3"}, "atoms": "1-4"},
    "population": 8,
    "generations": 2,
    "seed": 1,
}


def test_a_search_over_compositions_looks_for_its_elements_until_it_has_them():
    settings = SearchSettings.parse(OVER_COMPOSITIONS)
    copper = bulk("Cu")
    copper.info.update(id="g000-0000", generation=0, operator="random", status="converged", enthalpy=0.0)
    children = vary(rank([copper], settings), settings, 1)
    assert [set(child.symbols) for child in children[:2]] == [{"Au"}, {"Au"}]


def test_elements_alone_are_parents_only_where_nothing_else_is():
    settings = SearchSettings.parse({**OVER_COMPOSITIONS, "operators": {"strain": 1}})
    frames = [bulk("Cu"), bulk("Au"), bulk("Cu", cubic=True)]
    frames[2].symbols[0] = "Au"
    for index, frame in enumerate(frames):
        frame.info.update(
            id=f"g000-000{index}", generation=0, operator="random", status="converged", enthalpy=0.1 * index
        )
    assert {child.info["parents"] for child in vary(rank(frames, settings), settings, 1)} == {"g000-0002"}
    alone = vary(rank(frames[:2], settings), settings, 1)
    assert {child.info["parents"] for child in alone} == {"g000-0000", "g000-0001"}


def test_an_exchange_of_atoms_is_made_in_larger_cells_too():
    settings = SearchSettings.parse({**OVER_COMPOSITIONS, "operators": {"permutation": 1}, "population": 20})
    frames = [
        bulk("Cu"),
        bulk("Au"),
        Atoms("CuAu", positions=[[0, 0, 0], [1.9, 0, 1.9]], cell=[2.7, 2.7, 3.7], pbc=True),
    ]
    for index, frame in enumerate(frames):
        frame.info.update(
            id=f"g000-000{index}", generation=0, operator="random", status="converged", enthalpy=0.1 * index
        )
    children = vary(rank(frames, settings), settings, 1)
    assert {len(child) for child in children} == {4}
    assert {child.info["parents"] for child in children} == {"g000-0002"}


def test_an_exchange_that_gives_the_parent_in_another_orientation_is_refused(caplog):
    """Any two unlike atoms of a cubic cell of L1_0 exchanged, its layers run along another axis."""
    caplog.set_level(logging.INFO)
    keys = {"formula": "Cu2Au2", "population": 6, "generations": 2, "seed": 1, "operators": {"permutation": 1}}
    settings = SearchSettings.parse(keys)
    layered = bulk("Cu", a=3.9, cubic=True)
    layered.symbols[:2] = "Au"
    layered.info.update(id="g000-0000", generation=0, operator="random", status="converged", enthalpy=0.0)
    children = vary(rank([layered], settings), settings, 1)
    assert {child.info["operator"] for child in children} == {"random"}
    assert "mostly: the child is its parent again" in caplog.text


def test_what_is_added_has_its_volume_at_the_pressure_of_the_search():
    keys = {**OVER_COMPOSITIONS, "pressure": 150, "operators": {"add": 1}, "minimum_distances": {"Cu-Au": 0.5}}
    settings = SearchSettings.parse(keys)
    frames = [bulk("Cu"), bulk("Au"), Atoms("CuAu", positions=[[0] * 3, [1.9, 0, 1.9]], cell=[2.7, 2.7, 3.7], pbc=True)]
    for index, frame in enumerate(frames):
        frame.info.update(
            id=f"g000-000{index}", generation=0, operator="random", status="converged", enthalpy=0.1 * index
        )
    added = [child for child in vary(rank(frames, settings), settings, 1) if child.info["operator"] == "add"]
    assert added
    for child in added:
        share = estimated_volume(child, 150.0) / estimated_volume(frames[2], 150.0)
        assert child.get_volume() / frames[2].get_volume() == pytest.approx(share)


@pytest.fixture
def ordered() -> list[Atoms]:
    """Two structures of CuAu and the settings that mutate them."""
    layered, zigzag = bulk("Cu", a=3.85, cubic=True), bulk("Cu", a=3.9, cubic=True)
    layered.symbols[:2] = "Au"
    zigzag.symbols[1:3] = "Au"
    zigzag.rattle(0.2, seed=1)
    for index, frame in enumerate((layered, zigzag)):
        frame.info.update(id=f"g000-000{index}", generation=0, operator="random", status="converged")
        frame.info["enthalpy"] = 0.1 * index
    return rank([layered, zigzag])


MUTATING = {"formula": "Cu2Au2", "population": 6, "generations": 2, "seed": 1, "operators": {"softmutation": 1}}


def test_soft_modes_of_the_potential_are_told_once_for_each_parent(ordered, caplog):
    caplog.set_level(logging.INFO)
    potential = load_potential("ase:ase.calculators.emt:EMT")
    settings = SearchSettings.parse({**MUTATING, "soft_modes": "potential"})
    children = vary(ordered, settings, 1, potential)
    assert {child.info["operator"] for child in children} == {"softmutation"}
    for parent in {child.info["parents"] for child in children}:
        assert caplog.text.count(f"soft modes of {parent}: of the potential, 36 evaluations") == 1
    again, of_springs = vary(ordered, settings, 1, potential), vary(ordered, SearchSettings.parse(MUTATING), 1)
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(children, again, strict=True))
    assert not all(np.array_equal(a.positions, b.positions) for a, b in zip(children, of_springs, strict=True))


def test_soft_modes_of_springs_evaluate_nothing(ordered):
    ours, theirs = (
        vary(ordered, SearchSettings.parse(settings), 1, potential)
        for settings, potential in ((MUTATING, object()), ({**MUTATING, "soft_modes": "springs"}, None))
    )
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(ours, theirs, strict=True))


def test_soft_modes_of_a_potential_that_is_not_there_are_refused(ordered):
    with pytest.raises(InputError, match=r"^potential: missing, soft_modes: potential needs it"):
        vary(ordered, SearchSettings.parse({**MUTATING, "soft_modes": "potential"}), 1)
