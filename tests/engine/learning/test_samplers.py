"""Which structures each sampler takes."""

from __future__ import annotations

import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.learning.samplers import SAMPLERS
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
