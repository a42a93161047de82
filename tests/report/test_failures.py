"""What went wrong, by name."""

from __future__ import annotations

from aiida.orm import WorkChainNode

from aiida_anhcsp.report.failures import failures_of


def test_a_structure_that_was_not_relaxed_is_named_with_its_reason(whole: WorkChainNode) -> None:
    (failure,) = failures_of(whole)
    assert failure.what == "structure g000-0001"
    assert failure.reason == "exploded the cell grew without end"


def test_a_process_that_failed_is_named(whole: WorkChainNode) -> None:
    whole.set_exit_status(404)
    whole.set_exit_message("No SSCHA run converged")
    assert failures_of(whole)[0].reason == "failed with exit status 404: No SSCHA run converged"
