"""Where a run stands."""

from __future__ import annotations

from aiida.orm import WorkChainNode
from plumpy import ProcessState

from aiida_anhcsp.report.progress import messages_of, progress_of


def test_progress_counts_generations_and_relaxed_structures(search: WorkChainNode) -> None:
    progress = progress_of(search)
    assert (progress.generation, progress.generations) == (2, 2)
    assert (progress.relaxed, progress.structures) == (2, 6)


def test_progress_names_what_runs_now(search: WorkChainNode) -> None:
    assert progress_of(search).line.endswith("now: generation_001_relax (created)")


def test_an_excepted_run_shows_the_last_line_of_its_exception(search: WorkChainNode) -> None:
    search.set_process_state(ProcessState.EXCEPTED)
    search.set_exception("Traceback (most recent call last):\n  somewhere\nValueError: the reason\n")
    assert progress_of(search).state == "excepted: ValueError: the reason"


def test_messages_come_without_prefix_and_only_once(search: WorkChainNode) -> None:
    search.logger.log(23, "[1|SearchWorkChain|rank]: generation 0: 2 relaxed, 1 failed")
    ((number, _, _, text),) = messages_of(search)
    assert text == "generation 0: 2 relaxed, 1 failed"
    assert messages_of(search, after=number) == []
