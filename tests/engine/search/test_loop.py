from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import read_frames, through_text
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.loop import Generation, search, should_continue
from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.engine.search.vary import vary

CUAU = {
    "formula": "CuAu",
    "formula_units": "1-2",
    "population": 6,
    "generations": 2,
    "seed": 3,
    "relax": {"fmax": 0.02, "max_steps": 200},
}


@pytest.fixture(scope="module")
def emt():
    return load_potential("ase:ase.calculators.emt:EMT")


@pytest.fixture(scope="module")
def finished(emt, tmp_path_factory) -> tuple[list[Atoms], Path]:
    outdir = tmp_path_factory.mktemp("search")
    return search(SearchSettings.parse(CUAU), emt, outdir), outdir


def row(generation: int, lowest: float | None) -> Generation:
    return Generation(generation, 4, 0, 4, lowest, "g", "P1", 4 * generation)


def test_the_search_finds_the_layered_ground_state_of_copper_gold(finished):
    """EMT's ground state of CuAu is L1_0 (P4/mmm), 11 meV/atom below the elements."""
    best = min((frame for frame in finished[0] if "rank" in frame.info), key=lambda frame: frame.info["rank"])
    assert best.info["spacegroup"] == "P4/mmm"
    assert best.info["enthalpy"] == pytest.approx(-0.0114, abs=5e-4)


def test_every_structure_is_written_in_the_order_of_relaxation(finished):
    population, outdir = finished
    written = read_frames(outdir / "population.extxyz")
    expected = [f"g{generation:03d}-{index:04d}" for generation in range(2) for index in range(6)]
    assert [frame.info["id"] for frame in written] == [frame.info["id"] for frame in population] == expected
    assert {"status", "operator", "generation", "pressure"} <= set(written[0].info)


def test_the_history_has_a_row_for_each_generation_and_never_rises(finished):
    rows = list(csv.DictReader((finished[1] / "history.csv").open()))
    assert [int(row["generation"]) for row in rows] == [0, 1]
    assert [int(row["total"]) for row in rows] == [6, 12]
    assert float(rows[1]["lowest_enthalpy"]) <= float(rows[0]["lowest_enthalpy"])


def test_steps_that_pass_files_give_the_same_frames(finished, emt):
    settings = SearchSettings.parse(CUAU)

    def relaxed(frames: Sequence[Atoms]) -> list[Atoms]:
        return through_text(relax(through_text(frames), emt, 0.0, RelaxSettings(fmax=0.02, max_steps=200)))

    first = through_text(rank(relaxed(random_population(settings)), settings))
    second = relaxed(vary(first, settings, 1))
    together = through_text(rank([*first, *second], settings))
    for ours, theirs in zip(finished[0], together, strict=True):
        assert ours.info == theirs.info
        assert np.array_equal(ours.positions, theirs.positions)


def test_a_formula_the_potential_does_not_know_is_refused(emt, tmp_path):
    class Limited(type(emt)):  # type: ignore[misc]
        elements = frozenset({"Cu"})

    limited = Limited.__new__(Limited)
    with pytest.raises(InputError, match=r"^formula: the potential does not know Au"):
        search(SearchSettings.parse(CUAU), limited, tmp_path)


def test_a_search_ends_with_its_generations_or_relaxations():
    settings = SearchSettings.parse({**CUAU, "generations": 5, "max_relaxations": 15})
    rows = [row(generation, -1.0) for generation in range(3)]
    assert [should_continue(settings, rows[:number]) for number in range(4)] == [True, True, True, False]


def test_a_search_ends_when_no_better_structure_comes():
    settings = SearchSettings.parse({**CUAU, "generations": 9, "stop": {"generations_without_better": 2}})
    history = [row(0, -1.0), row(1, -2.0), row(2, -2.0005), row(3, -2.0009)]
    assert should_continue(settings, history[:3])
    assert not should_continue(settings, history)
    assert should_continue(settings, [*history[:3], row(3, -2.01)])


def test_generations_in_which_everything_failed_do_not_end_it():
    settings = SearchSettings.parse({**CUAU, "generations": 9, "stop": {"generations_without_better": 1}})
    assert should_continue(settings, [row(0, None), row(1, None)])
    assert should_continue(settings, [row(0, None), row(1, -1.0)])
