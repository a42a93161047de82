from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.select import Parents, candidates, select_random
from aiida_anhcsp.engine.search.settings import Antiseeds


def test_the_pick_is_relaxed_in_order_and_the_same_for_one_seed(ranked_h3s):
    picks = [select_random(ranked_h3s, 5, seed=3) for _ in range(2)]
    ids = [frame.info["id"] for frame in picks[0]]
    assert ids == sorted(set(ids)) == [frame.info["id"] for frame in picks[1]]
    assert all(frame.info["status"] == "converged" for frame in picks[0])


def test_where_there_are_fewer_all_are_taken(ranked_h3s):
    assert len(select_random(ranked_h3s, 50, seed=3)) == 9
    assert select_random([], 5, seed=3) == []


def test_duplicates_are_as_likely_as_others(ranked_h3s):
    copies = [frame.copy() for frame in ranked_h3s[:4]]
    for copy in copies[1:]:
        copy.info["duplicate_of"] = "g000-0000"
    picked = [select_random(copies, 1, seed=seed)[0].info["id"] for seed in range(200)]
    assert min(picked.count(copy.info["id"]) for copy in copies) > 25


def test_parents_differ_and_the_best_win_most_often(ranked_h3s):
    rng = np.random.default_rng(2)
    parents = candidates(ranked_h3s[:9], 0.0, 9)
    couples = [parents.choose(2, 1.0, rng) for _ in range(300)]
    assert all(first is not second for first, second in couples)
    wins = [sum(frame is winner for couple in couples for winner in couple) for frame in ranked_h3s[:9]]
    assert wins[0] == max(wins) > 3 * wins[8]


def test_chances_are_those_of_the_tournaments(ranked_h3s):
    rng = np.random.default_rng(2)
    parents = candidates(ranked_h3s[:4], 0.0, 4)
    winners = [parents.choose(1, 1.0, rng)[0].info["id"] for _ in range(4000)]
    shares = [winners.count(frame.info["id"]) / 4000 for frame in parents.frames]
    assert parents.chances().sum() == pytest.approx(1.0)
    assert shares == pytest.approx(list(parents.chances()), abs=0.03)


def test_a_mate_is_of_the_nearest_in_fingerprint():
    frames = [bulk("Cu", cubic=True), bulk("Cu", "bcc", a=2.9), bulk("Cu", "hcp", a=2.6, c=4.2)]
    parents = Parents(frames, np.array([[1.0, 0.0], [0.0, 1.0], [0.9, np.sqrt(1.0 - 0.81)]]))
    rng = np.random.default_rng(1)
    for first, second in (parents.choose(2, 0.5, rng) for _ in range(60)):
        assert {id(first), id(second)} == {id(frames[0]), id(frames[2])} or first is frames[1]


def test_near_copies_of_a_better_structure_are_no_candidates():
    perfect, other = bulk("Cu", cubic=True), bulk("Cu", "bcc", a=2.9, cubic=True)
    noisy = perfect * (2, 1, 1)
    noisy.rattle(0.03, seed=1)
    assert candidates([perfect, noisy, other], 0.1, 5).frames == [perfect, other]
    assert candidates([perfect, noisy, other], 0.0, 5).frames == [perfect, noisy, other]
    assert candidates([perfect, noisy, other], 0.0, 2).frames == [perfect, noisy]


def test_structures_of_another_formula_are_another_niche():
    copper, gold = bulk("Cu", cubic=True), bulk("Cu", cubic=True)
    gold.symbols[:] = "Au"
    assert len(candidates([copper, gold], 1.0, 5).frames) == 2


def test_antiseeds_drive_parents_away_from_where_the_best_have_been():
    frames = [bulk("Cu", cubic=True), bulk("Cu", "bcc", a=2.9, cubic=True)]
    for index, frame in enumerate(frames):
        frame.info.update(id=f"g000-000{index}", generation=0, fitness=0.01 * index)
    assert candidates(frames, 0.0, 2).frames[0] is frames[0]
    assert candidates(frames, 0.0, 2, Antiseeds(weight=0.1)).frames[0] is frames[1]
