from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.search.rates import FLOOR, describe, plan, rates
from aiida_anhcsp.engine.search.select import Parents
from aiida_anhcsp.engine.search.settings import SearchSettings

KEYS = {"formula": "Cu2Au2", "population": 10, "generations": 3, "seed": 1}
WEIGHTS = {"random": 0.4, "heredity": 0.4, "permutation": 0.2}


def settings(**changes: object) -> SearchSettings:
    return SearchSettings.parse({**KEYS, "operators": WEIGHTS, **changes})


def made(**numbers: int) -> list[Atoms]:
    return [Atoms("CuAu", info={"operator": name}) for name, number in numbers.items() for _ in range(number)]


def parents(frames: list[Atoms]) -> Parents:
    return Parents(frames, np.zeros((len(frames), 1)))


def test_success_raises_a_rate_and_failure_lowers_it():
    population = made(random=20, heredity=20, permutation=20)
    earned = rates(population, parents(made(heredity=15, random=2)), settings())
    assert earned["heredity"] > 0.4 > earned["random"]
    assert sum(earned.values()) == pytest.approx(1.0)


def test_a_better_parent_is_more_of_a_success():
    population = made(random=20, heredity=20, permutation=20)
    first = rates(population, parents(made(heredity=5, random=5)), settings(adaptation=1.0))
    last = rates(population, parents(made(random=5, heredity=5)), settings(adaptation=1.0))
    assert first["heredity"] == pytest.approx(last["random"])
    assert first["heredity"] > 3 * first["random"]


def test_what_a_search_has_left_behind_still_counts_as_made():
    survivors = made(random=5, heredity=5)
    among_survivors = rates(survivors, parents(survivors), settings())
    everything = rates([*survivors, *made(random=40)], parents(survivors), settings())
    assert everything["heredity"] > among_survivors["heredity"]
    assert everything["random"] < among_survivors["random"]


def test_a_random_structure_in_the_place_of_a_child_is_a_failure_of_the_operator_and_nothing_of_random():
    known, failed = made(random=20, heredity=20), made(random=20)
    for frame in failed:
        frame.info["instead_of"] = "permutation"
    best = made(heredity=5, random=5)
    before, after = (rates(population, parents(best), settings()) for population in (known, [*known, *failed]))
    assert after["permutation"] < before["permutation"]
    assert after["random"] > before["random"] and after["heredity"] > before["heredity"]
    lucky = rates([*known, *failed], parents([*failed[:5], *made(heredity=5)]), settings())
    assert lucky["permutation"] < WEIGHTS["permutation"] and lucky["random"] < lucky["heredity"]


def test_an_operator_not_tried_yet_has_the_mean_success_of_all():
    earned = rates(made(random=300, heredity=300), parents(made(random=15, heredity=5)), settings(adaptation=1.0))
    assert earned["permutation"] == pytest.approx(1 / 3, abs=0.01)


def test_no_rate_in_use_falls_below_the_floor():
    population = made(random=500, heredity=500, permutation=500)
    earned = rates(population, parents(made(random=400)), settings(adaptation=1.0))
    assert min(earned.values()) >= FLOOR / (1.0 + 2 * FLOOR)


def test_without_adaptation_the_weights_stay():
    earned = rates(made(random=20, heredity=20), parents(made(heredity=15)), settings(adaptation=0))
    assert earned == pytest.approx(WEIGHTS)


def test_an_operator_that_the_compositions_do_not_suit_gives_its_share_away():
    earned = rates([], parents([]), settings(formula="Cu4", adaptation=0))
    assert earned == pytest.approx({"random": 0.5, "heredity": 0.5})


def test_where_nothing_suits_all_is_random():
    assert rates([], parents([]), settings(formula="Cu4", operators={"permutation": 1})) == {"random": 1.0}


def test_a_plan_follows_the_shares_and_fills_the_generation():
    assert plan({"random": 0.5, "heredity": 0.3, "strain": 0.2}, 10).count("heredity") == 3
    assert len(plan({"random": 0.35, "heredity": 0.35, "strain": 0.3}, 7)) == 7


def test_rates_can_be_read():
    assert describe({"random": 0.4, "heredity": 0.6}) == "random 0.40, heredity 0.60"
