from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.potentials import Potential, load_potential
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search import screening
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.screening import STEPS, screened
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.engine.search.vary import vary

COPPER = {"formula": "Cu4", "population": 6, "generations": 2, "seed": 3}


def settings(**changes: object) -> SearchSettings:
    return SearchSettings.parse({**COPPER, "candidates": 4, **changes})


@pytest.fixture(scope="module")
def emt() -> Potential:
    return load_potential("ase:ase.calculators.emt:EMT")


@pytest.fixture
def briefly(emt: Potential) -> Callable[[Sequence[Atoms]], np.ndarray]:
    """Enthalpies after as many steps as candidates are given."""

    def enthalpies(frames: Sequence[Atoms]) -> np.ndarray:
        relaxed = relax([frame.copy() for frame in frames], emt, 0.0, RelaxSettings(fmax=0.01, max_steps=STEPS))
        return np.array([frame.info["enthalpy"] for frame in relaxed])

    return enthalpies


def energies(frames: Sequence[Atoms], potential: Potential) -> np.ndarray:
    return np.array([evaluation.energy / len(evaluation.forces) for evaluation in potential.evaluate(list(frames))])


def test_each_structure_is_the_lowest_of_its_candidates(emt, briefly):
    first = random_population(settings())
    best = screened(first, (), settings(), 0, emt)
    assert [frame.info["id"] for frame in best] == [frame.info["id"] for frame in first]
    assert {frame.info["operator"] for frame in best} == {"random"}
    alone, of_four = briefly(first), energies(best, emt)
    assert np.all(of_four <= alone + 1e-6)
    assert np.sum(of_four < alone - 0.01) >= 3
    assert all(4 <= frame.info["screening_calls"] <= 4 * (STEPS + 1) for frame in best)


def test_the_same_seed_gives_the_same_structures_and_a_place_does_not_depend_on_the_others(emt):
    first = random_population(settings())
    whole, again = (screened(first, (), settings(), 0, emt) for _ in range(2))
    part = screened(first[:2], (), settings(), 0, emt)
    for one, other in [*zip(whole, again, strict=True), *zip(whole[:2], part, strict=True)]:
        np.testing.assert_array_equal(one.positions, other.positions)


def test_one_candidate_needs_no_potential_and_changes_nothing():
    first = random_population(settings())
    assert screened(first, (), settings(candidates=1), 0, None) == first


def test_several_candidates_need_a_potential():
    with pytest.raises(InputError, match=r"^potential: missing, candidates: 4 needs it"):
        screened(random_population(settings()), (), settings(), 0, None)


def test_a_structure_in_the_place_of_a_child_still_says_so(emt):
    first = random_population(settings())
    first[2].info["instead_of"] = "permutation"
    best = screened(first, (), settings(), 0, emt)
    assert [frame.info.get("instead_of") for frame in best] == [None, None, "permutation", None, None, None]


def test_mutants_are_left_alone_and_cuts_compared_with_others_of_their_parents(emt, briefly):
    chosen = settings(operators={"random": 1, "heredity": 1, "strain": 1}, adaptation=0, candidates=8, population=12)
    ranked = rank(relax(random_population(chosen), emt, 0.0, RelaxSettings(fmax=0.05)), chosen)
    children = vary(ranked, chosen, 1)
    results = screened(children, ranked, chosen, 1, emt)
    for child, result in zip(children, results, strict=True):
        assert (result is child) == (child.info["operator"] == "strain")
        assert result.info.get("parents") == child.info.get("parents")
    cut = [place for place, child in enumerate(children) if child.info["operator"] == "heredity"]
    alone, of_eight = briefly([children[place] for place in cut]), energies([results[place] for place in cut], emt)
    assert np.all(of_eight <= alone + 1e-6)
    assert np.any(of_eight < alone - 0.01)


def test_cuts_have_the_composition_of_their_place(emt):
    limits = {"elements": {"Cu": "0-4", "Au": "0-4"}, "atoms": "3-4"}
    keys = {"formula": None, "composition": limits, "population": 16, "operators": {"heredity": 1}, "adaptation": 0}
    chosen = settings(**keys)
    ranked = rank(relax(random_population(chosen), emt, 0.0, RelaxSettings(fmax=0.05)), chosen)
    children = vary(ranked, chosen, 1)
    found = screened(children, ranked, chosen, 1, emt)
    assert len({frame.get_chemical_formula() for frame in children}) > 1
    assert [frame.get_chemical_formula() for frame in found] == [frame.get_chemical_formula() for frame in children]
    assert any(one is not other for one, other in zip(children, found, strict=True))


def test_a_new_composition_is_cut_again_from_the_same_parents():
    limits = {"elements": {"Mg": "0-4", "Ca": "0-4", "H": "0-12"}, "atoms": "2-14"}
    keys = {"composition": limits, "population": 10, "generations": 2, "seed": 2, "candidates": 8}
    chosen = SearchSettings.parse({**keys, "operators": {"heredity": 1}, "adaptation": 0})
    frames = random_population(chosen)
    for index, frame in enumerate(frames):
        frame.info.update(status="converged", enthalpy=0.01 * index)
    ranked = rank(frames, chosen)
    children = vary(ranked, chosen, 1)
    known = {frame.get_chemical_formula() for frame in frames}
    new = [place for place, child in enumerate(children) if child.get_chemical_formula() not in known]
    candidates = screening._candidates(children, ranked, chosen, 1)
    rivals = [len(candidates[place]) for place in new if children[place].info["operator"] == "heredity"]
    assert len(rivals) > 2 and np.mean(rivals) > 7


def test_candidates_have_the_composition_of_their_place(emt):
    limits = {"elements": {"Cu": "0-4", "Au": "0-4"}, "atoms": "1-4"}
    chosen = SearchSettings.parse({**COPPER, "formula": None, "composition": limits, "candidates": 3})
    first = random_population(chosen)
    found = screened(first, (), chosen, 0, emt)
    assert len({frame.get_chemical_formula() for frame in first}) > 1
    assert [frame.get_chemical_formula() for frame in found] == [frame.get_chemical_formula() for frame in first]


def test_what_is_unphysical_does_not_count_as_low(emt, briefly, monkeypatch):
    """Here all but the first candidate of each place."""

    def judged(frames: Sequence[Atoms], *_: SearchSettings, at_rest: bool) -> list[Atoms]:
        for index, frame in enumerate(frames):
            if index % 4:
                frame.info["status"] = "unphysical"
        return list(frames)

    monkeypatch.setattr(screening, "set_aside_unphysical", judged)
    first = random_population(settings())
    np.testing.assert_allclose(energies(screened(first, (), settings(), 0, emt), emt), briefly(first))
