"""The jobs that make a generation, and what follows where one is stopped."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from aiida.engine import run_get_node
from aiida.orm import Dict, SinglefileData

from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.workflows.making import MAX_JOBS
from aiida_anhcsp.workflows.search import SearchWorkChain

from .conftest import DYING, SEARCH
from .test_search import population, relaxed_frames
from .test_self_optimising import reports

CANDIDATES = {**SEARCH, "candidates": 4}


@pytest.fixture
def search(generate_workchain: Callable, search_inputs: dict[str, Any]) -> Any:
    """A search of which generation 1 is to be made from ranked structures, with candidates."""
    workchain = generate_workchain(SearchWorkChain, {**search_inputs, "settings": Dict(CANDIDATES)})
    workchain.setup()
    workchain.ctx.population = population(rank(relaxed_frames(0), SearchSettings.parse(SEARCH))).store().pk
    workchain.ctx.generation = 1
    return workchain


def checkpoint() -> SinglefileData:
    return SinglefileData(io.BytesIO(b"half way"), filename="result.extxyz.checkpoint.npz")


def test_a_job_that_was_stopped_is_continued_from_its_checkpoint(search: Any, add_child: Callable) -> None:
    assert search.is_unmade()
    stopped = add_child(search, "generation_001_vary", {"checkpoint": checkpoint()}, status=400, message="killed")
    assert search.is_unmade()
    job = search.make()["current"]
    assert job.label == "generation_001_vary_01"
    assert job.inputs.checkpoint.uuid == stopped.outputs.checkpoint.uuid
    assert "exit status 400: killed; it goes on from its checkpoint" in reports(search)


def test_a_job_that_was_stopped_before_its_first_checkpoint_runs_once_more(search: Any, add_child: Callable) -> None:
    search.ctx.generation = 0
    add_child(search, "generation_000_generate", {}, status=400, message="killed")
    job = search.make()["current"]
    assert job.label == "generation_000_generate_01" and "checkpoint" not in job.inputs


def test_jobs_that_are_stopped_again_and_again_end_the_search(search: Any, add_child: Callable) -> None:
    for number in range(MAX_JOBS):
        assert search.is_unmade()
        add_child(search, search.making_label(number), {"checkpoint": checkpoint()}, status=400, message="killed")
    assert not search.is_unmade()
    assert search.relax().status == SearchWorkChain.exit_codes.ERROR_SUB_PROCESS_FAILED_VARY.status


def test_a_job_that_fails_by_itself_is_not_repeated(search: Any, add_child: Callable) -> None:
    add_child(search, "generation_001_vary", {}, status=320, message="no room for the atoms")
    assert not search.is_unmade()
    exit_code = search.relax()
    assert "no room for the atoms" in exit_code.message


def test_what_comes_after_a_stop_is_relaxed(search: Any, add_child: Callable) -> None:
    add_child(search, "generation_001_vary", {"checkpoint": checkpoint()}, status=400, message="killed")
    made = add_child(search, "generation_001_vary_01", {"population": population(relaxed_frames(1))})
    assert not search.is_unmade()
    assert search.relax()["current"].inputs.population.pk == made.outputs.population.pk


def test_a_search_whose_jobs_are_killed_while_candidates_are_compared_gives_the_same_structures(
    search_inputs: dict[str, Any], standing_in: Callable
) -> None:
    inputs = {**search_inputs, "settings": Dict({**CANDIDATES, "generations": 1})}
    undisturbed = run_get_node(SearchWorkChain, **inputs)[1]
    killed = run_get_node(SearchWorkChain, **{**inputs, "code": standing_in(DYING)})[1]
    assert killed.is_finished_ok, killed.exit_message
    making = [child for child in killed.called if (child.label or "").startswith("generation_000_generate")]
    assert sorted(child.exit_status for child in making) == [0, 400]
    assert killed.outputs.population.get_content() == undisturbed.outputs.population.get_content()


def test_seeds_are_among_the_relaxations_allowed(
    generate_workchain: Callable, search_inputs: dict[str, Any], search: Any, add_child: Callable
) -> None:
    """Of nine, one prototype, three seeds, and four random structures make the first generation."""
    settings = Dict({**SEARCH, "generations": 9, "max_relaxations": 9, "prototypes": 1})
    inputs = {**search_inputs, "settings": settings, "seeds": population(relaxed_frames(0))}
    limited = generate_workchain(SearchWorkChain, inputs)
    limited.setup()
    limited.ctx.generation, limited.ctx.population = 1, search.ctx.population
    made = limited.make()["current"].inputs.settings
    assert SearchSettings.parse({**made.get_dict(), "population": 4}).number_in(1) == 1
    for generation in range(2):
        judged = population(relaxed_frames(generation))
        add_child(limited, f"generation_{generation:03d}_judge", {"result": judged})
    assert not limited.should_evolve()
