"""What went wrong, by name."""

from __future__ import annotations

from typing import Any

from aiida.orm import Dict, WorkChainNode

from aiida_anhcsp.calculations.functions.population import judge_population
from aiida_anhcsp.report.failures import failures_of

from .conftest import generation


def test_a_structure_that_was_not_relaxed_is_named_with_its_reason(whole: WorkChainNode) -> None:
    (failure,) = failures_of(whole)
    assert failure.what == "structure g000-0001"
    assert failure.reason == "exploded the cell grew without end"


def test_a_structure_counts_once_by_what_the_last_of_several_jobs_made_of_it(chain: WorkChainNode) -> None:
    (failure,) = failures_of(chain.caller)
    assert (failure.what, failure.uuid) == ("structure g001-0001", chain.uuid)


def test_a_job_asked_alone_speaks_for_itself(chain: WorkChainNode) -> None:
    first = next(child for child in chain.called if child.label == "job_00")
    assert [failure.what for failure in failures_of(first)] == ["structure g001-0000", "structure g001-0001"]


def test_a_structure_that_was_judged_unphysical_is_named(aiida_profile_clean: Any) -> None:
    keys = {"formula": "Cu", "pressure": 10, "population": 6, "generations": 1, "seed": 1}
    judged = judge_population(generation(1, [0.1, 0.1, 0.1, 0.1, 0.1, -9.0]), Dict(keys))
    (failure,) = failures_of(judged.creator)
    assert failure.what == "structure g001-0005"
    assert failure.reason == "unphysical enthalpy -9.000 eV/atom is far below all others"


def test_a_process_that_failed_is_named(whole: WorkChainNode) -> None:
    whole.set_exit_status(404)
    whole.set_exit_message("No SSCHA run converged")
    assert failures_of(whole)[0].reason == "failed with exit status 404: No SSCHA run converged"
