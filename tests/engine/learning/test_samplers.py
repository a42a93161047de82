"""Which structures each sampler takes."""

from __future__ import annotations

from collections import Counter

import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.learning.samplers import SAMPLERS, HullSampler
from aiida_anhcsp.engine.search.rank import rank


@pytest.fixture
def frames() -> list[Atoms]:
    """Eight relaxed copper cells, the first two of them one structure, and a collapsed one."""
    frames = []
    for index in range(9):
        atoms = bulk("Cu", "fcc", a=3.4 + 0.1 * max(index, 1), cubic=True)
        atoms.info = {"id": f"g000-{index:04d}", "status": "converged", "enthalpy": 1.0 - 0.1 * max(index, 1)}
        atoms.info |= {"grade": 0.5 * index, "spread": 0.1 * index}
        frames.append(atoms)
    frames[8].info = {"id": "g000-0008", "status": "collapsed"}
    return frames


def names(frames: list[Atoms]) -> list[str]:
    return [frame.info["id"] for frame in frames]


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_equal_seeds_choose_equally_and_nothing_twice(name: str, frames: list[Atoms]) -> None:
    first, again = (names(SAMPLERS[name](3, 7, 1.0).choose(frames)) for _ in range(2))
    assert first == again and len(set(first)) == len(first) <= 3


def test_random_sampler_keeps_duplicates(frames: list[Atoms]) -> None:
    assert {"g000-0000", "g000-0001"} <= set(names(SAMPLERS["random"](8, 1).choose(frames)))


def test_lowest_sampler_takes_distinct_structures_from_below(frames: list[Atoms]) -> None:
    assert names(SAMPLERS["lowest"](2, 1).choose(rank(frames))) == ["g000-0007", "g000-0006"]
    assert len(SAMPLERS["lowest"](9, 1).choose(rank(frames))) == 7


def over_compositions() -> list[Atoms]:
    """Three structures of each of six ratios of Cu-Au, the first four on the hull, and two that failed."""
    frames = []
    for index in range(18):
        atoms = bulk("Cu", "fcc", a=3.9 + 0.05 * index, cubic=True).repeat((2, 1, 1))
        atoms.symbols[: index // 3 + 1] = "Au"
        fitness = 0.1 * (index % 3) + 0.05 * max(0, index // 3 - 3)
        atoms.info = {"id": f"g000-{index:04d}", "status": "converged", "enthalpy": fitness, "fitness": fitness}
        frames.append(atoms)
    for place, frame in enumerate(sorted(frames, key=lambda frame: frame.info["fitness"]), start=1):
        frame.info["rank"] = place
    for index in (18, 19):
        frames.append(bulk("Cu", cubic=True))
        frames[-1].info = {"id": f"g000-{index:04d}", "status": "unphysical"}
    return frames


def test_hull_sampler_takes_a_few_of_each_composition_near_the_hull_and_what_failed() -> None:
    chosen = HullSampler(10, 1, per_composition=2).choose(over_compositions())
    ratios = Counter(frame.get_chemical_formula() for frame in chosen)
    assert ratios == {f"Au{number}Cu{8 - number}".replace("Au1C", "AuC"): 2 for number in range(1, 6)}
    all_and_more = HullSampler(20, 1, per_composition=2).choose(over_compositions())
    assert names(all_and_more)[-2:] == ["g000-0018", "g000-0019"]


def test_chance_decides_between_compositions_on_the_hull() -> None:
    picks = {tuple(names(HullSampler(2, seed, per_composition=1).choose(over_compositions()))) for seed in range(20)}
    assert len(picks) > 3
    assert {name for pick in picks for name in pick} == {"g000-0000", "g000-0003", "g000-0006", "g000-0009"}


def test_grade_sampler_takes_what_extrapolates_most(frames: list[Atoms]) -> None:
    assert names(SAMPLERS["grade"](9, 1, 2.0).choose(frames)) == ["g000-0007", "g000-0006", "g000-0005"]


def test_grade_sampler_takes_nothing_where_all_is_known(frames: list[Atoms]) -> None:
    assert SAMPLERS["grade"](9, 1, 4.0).choose(frames) == []


def test_committee_sampler_takes_what_potentials_disagree_on(frames: list[Atoms]) -> None:
    assert names(SAMPLERS["committee"](1, 1, 0.3).choose(frames)) == ["g000-0007"]


def test_unphysical_sampler_takes_only_those(frames: list[Atoms]) -> None:
    assert names(SAMPLERS["unphysical"](5, 1).choose(frames)) == ["g000-0008"]


def test_sscha_sampler_takes_configurations_of_any_status(frames: list[Atoms]) -> None:
    assert len(SAMPLERS["sscha"](9, 1).choose(frames)) == 9
