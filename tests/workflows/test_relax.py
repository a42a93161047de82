"""A relaxation in several jobs."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import DYING


@pytest.fixture
def relaxation(engine_code: Any, emt: Any, copper: Any, generate_workchain: Callable) -> Any:
    from aiida.orm import Float, Int

    from aiida_anhcsp.workflows.relax import RelaxWorkChain

    inputs = {"code": engine_code, "population": copper, "potential": emt, "pressure": Float(5), "max_jobs": Int(3)}
    return generate_workchain(RelaxWorkChain, inputs)


def checkpoint(content: bytes) -> Any:
    from aiida.orm import SinglefileData

    return SinglefileData(io.BytesIO(content), filename="result.extxyz.checkpoint.npz")


def came_from(node: Any, content: bytes) -> None:
    """Let a finished job have started from a checkpoint."""
    from aiida.common import LinkType

    stored = checkpoint(content).store()
    node.backend_entity.add_incoming(stored.backend_entity, LinkType.INPUT_CALC, "checkpoint")


@pytest.mark.parametrize("status", [400, 401])
def test_a_job_that_was_stopped_is_continued_from_its_checkpoint(
    relaxation: Any, add_child: Callable, status: int
) -> None:
    assert relaxation.is_unfinished()
    add_child(relaxation, "job_00", {"checkpoint": checkpoint(b"half way")}, status=status)
    assert relaxation.is_unfinished()
    job = relaxation.relax()["child_0"]
    assert job.label == "job_01"
    assert job.inputs.checkpoint.get_content(mode="rb") == b"half way"
    assert job.inputs.population.pk == relaxation.inputs.population.pk


def test_a_step_cut_short_waits_for_the_job_it_had_submitted(relaxation: Any, add_child: Callable) -> None:
    job = add_child(relaxation, "job_00", {})
    job.set_process_state("waiting")
    assert relaxation.is_unfinished()
    assert relaxation.relax()["child_0"].pk == job.pk


def test_a_job_that_never_began_is_submitted_anew(
    relaxation: Any, add_child: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aiida.engine.runners import Runner

    monkeypatch.setattr(Runner, "is_daemon_runner", True)
    monkeypatch.setattr(type(relaxation), "submit", lambda self, process, **inputs: add_child(self, "job_00", {}))
    husk = add_child(relaxation, "job_00", {})
    husk.set_process_state("created")
    assert relaxation.is_unfinished()
    job = relaxation.relax()["child_0"]
    assert job.pk != husk.pk
    assert husk.is_killed


def test_the_result_of_the_last_job_is_handed_out(relaxation: Any, add_child: Callable, copper: Any) -> None:
    add_child(relaxation, "job_00", {"checkpoint": checkpoint(b"half way")}, status=401)
    add_child(relaxation, "job_01", {"population": copper})
    assert not relaxation.is_unfinished()
    assert relaxation.results() is None
    assert relaxation.outputs["population"].pk == copper.pk


def test_a_partial_result_is_kept_with_an_exit_code(relaxation: Any, add_child: Callable, copper: Any) -> None:
    add_child(relaxation, "job_00", {"population": copper}, status=410, message="1 of 4 did not come back")
    assert not relaxation.is_unfinished()
    code = relaxation.results()
    assert code.status == 401
    assert "1 of 4 did not come back" in code.message
    assert relaxation.outputs["population"].count == 4


def test_a_job_that_comes_no_further_is_not_tried_again(relaxation: Any, add_child: Callable) -> None:
    node = add_child(relaxation, "job_00", {"checkpoint": checkpoint(b"half way")}, status=400, message="killed")
    came_from(node, b"half way")
    assert not relaxation.is_unfinished()


def test_jobs_follow_each_other_up_to_the_most(relaxation: Any, add_child: Callable) -> None:
    for number in range(3):
        add_child(relaxation, f"job_{number:02d}", {"checkpoint": checkpoint(b"%d" % number)}, status=401)
    assert not relaxation.is_unfinished()


@pytest.mark.slow
def test_chunks_give_the_result_of_one_job(engine_code: Any, emt: Any, copper: Any) -> None:
    from aiida.engine import run_get_node
    from aiida.orm import Dict, Float, Int

    from aiida_anhcsp.workflows.relax import RelaxWorkChain

    inputs = {"code": engine_code, "population": copper, "potential": emt, "pressure": Float(5)}
    inputs["settings"] = Dict({"fmax": 0.05, "max_steps": 40})
    together, _ = run_get_node(RelaxWorkChain, **inputs)
    shared, node = run_get_node(RelaxWorkChain, **inputs, chunk_size=Int(3))
    assert node.is_finished_ok, node.exit_message
    sizes = [child.inputs.population.count for child in node.called if child.process_label == "RelaxCalculation"]
    assert sorted(sizes) == [1, 3]
    assert shared["population"].get_content() == together["population"].get_content()


def test_a_chunk_that_failed_leaves_the_others(
    engine_code: Any, emt: Any, copper: Any, generate_workchain: Callable, add_child: Callable
) -> None:
    from aiida.orm import Float, Int

    from aiida_anhcsp.workflows.relax import RelaxWorkChain

    inputs = {"code": engine_code, "population": copper, "potential": emt, "pressure": Float(5), "chunk_size": Int(2)}
    relaxation = generate_workchain(RelaxWorkChain, inputs)
    add_child(relaxation, "chunk_000_job_00", {"population": copper})
    assert relaxation.is_unfinished()
    add_child(relaxation, "chunk_001_job_00", {}, status=300, message="no output")
    assert not relaxation.is_unfinished()
    code = relaxation.results()
    assert code.status == 401
    assert "no output" in code.message
    assert relaxation.outputs["population"].count == 4


def test_a_guard_goes_with_every_job(engine_code: Any, emt: Any, copper: Any, generate_workchain: Callable) -> None:
    from aiida.orm import Float

    from aiida_anhcsp.workflows.relax import RelaxWorkChain

    inputs = {"code": engine_code, "population": copper, "potential": emt, "pressure": Float(5)}
    guard = {"training": copper, "largest_grade": Float(10)}
    job = generate_workchain(RelaxWorkChain, {**inputs, "guard": guard}).relax()["child_0"]
    assert job.inputs.guard.largest_grade.value == 10
    assert job.inputs.guard.training.uuid == copper.uuid


FULL_DISK = """#!/bin/sh
ln -s /dev/full result.extxyz
exec {engine} "$@"
"""


@pytest.fixture
def run_with(standing_in: Callable, emt: Any, copper: Any) -> Callable:
    """Relax four cells by a program that stands in for the engine."""

    def run(program: str) -> Any:
        from aiida.engine import run_get_node
        from aiida.orm import Dict, Float

        from aiida_anhcsp.workflows.relax import RelaxWorkChain

        inputs = {"code": standing_in(program), "population": copper, "potential": emt, "pressure": Float(5)}
        return run_get_node(RelaxWorkChain, **inputs, settings=Dict({"fmax": 0.05, "max_steps": 40}))[1]

    return run


def test_a_job_killed_at_its_wall_time_goes_on_and_ends_with_the_same_result(run_with: Callable) -> None:
    undisturbed, killed = run_with('#!/bin/sh\nexec {engine} "$@"\n'), run_with(DYING)
    assert killed.is_finished_ok, killed.exit_message
    first, second = sorted(killed.called, key=lambda child: child.pk)
    assert first.exit_status == 400
    assert second.inputs.checkpoint.uuid == first.outputs.checkpoint.uuid
    assert killed.outputs.population.get_content() == undisturbed.outputs.population.get_content()


def test_a_full_disk_where_the_job_runs_is_named(run_with: Callable) -> None:
    from aiida_anhcsp.report.failures import failures_of

    node = run_with(FULL_DISK)
    assert node.exit_status == 401
    assert "No space left on device" in node.exit_message
    assert all("No space left on device" in failure.reason for failure in failures_of(node))
