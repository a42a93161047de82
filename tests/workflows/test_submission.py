from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiida.common import LinkType
from aiida.engine import ProcessState, calcfunction
from aiida.engine.runners import Runner
from aiida.orm import CalcFunctionNode, CalcJobNode, Int

from aiida_anhcsp.calculations.generate import GenerateCalculation
from aiida_anhcsp.workflows.search import SearchWorkChain
from aiida_anhcsp.workflows.submission import call_once, find_child, submit_once

LABEL = "generation_000_generate"


@calcfunction
def doubled(number: Int) -> Int:
    return Int(2 * number.value)


class Submitting:
    """A work chain of a daemon, and what it submits."""

    def __init__(self, workchain: Any, monkeypatch: pytest.MonkeyPatch, *, by_daemon: bool = True) -> None:
        self.workchain, self.submitted = workchain, 0
        monkeypatch.setattr(Runner, "is_daemon_runner", by_daemon)
        monkeypatch.setattr(type(workchain), "submit", self.submit)

    def submit(self, process: Any, **inputs: Any) -> CalcJobNode:
        self.submitted += 1
        return self.child(checkpoint="a checkpoint")

    def child(
        self,
        *,
        state: ProcessState | None = ProcessState.CREATED,
        checkpoint: str | None = None,
        exception: str | None = None,
    ) -> CalcJobNode:
        node = CalcJobNode()
        node.base.links.add_incoming(self.workchain.node, link_type=LinkType.CALL_CALC, link_label=LABEL)
        if state is not None:
            node.set_process_state(state)
        node.store()
        if checkpoint:
            node.set_checkpoint(checkpoint)
        if exception:
            node.set_exception(exception)
            node.set_process_state(ProcessState.EXCEPTED)
            node.seal()
        return node

    def again(self) -> Any:
        """The submitting step, as a daemon runs it after a crash."""
        return submit_once(self.workchain, LABEL, GenerateCalculation, {})


@pytest.fixture
def submitting(
    generate_workchain: Callable, search_inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Submitting:
    return Submitting(generate_workchain(SearchWorkChain, search_inputs), monkeypatch)


def test_a_step_that_runs_twice_submits_once(submitting: Submitting) -> None:
    assert submitting.again().pk == submitting.again().pk
    assert submitting.submitted == 1


@pytest.mark.parametrize("state", [None, ProcessState.CREATED])
def test_a_child_stored_without_a_checkpoint_is_closed_and_submitted_anew(
    submitting: Submitting, state: ProcessState | None
) -> None:
    husk = submitting.child(state=state)
    child = submitting.again()
    assert child.pk != husk.pk
    assert husk.is_killed and husk.is_sealed
    assert find_child(submitting.workchain, LABEL).pk == child.pk


def test_a_child_that_a_repair_could_not_begin_is_submitted_anew(submitting: Submitting) -> None:
    husk = submitting.child(exception="PersistenceError: Calculation<88> does not have a saved checkpoint")
    assert submitting.again().pk != husk.pk


def test_a_child_that_failed_by_itself_is_not_repeated_here(submitting: Submitting) -> None:
    child = submitting.child(exception="ValueError: something else")
    assert submitting.again().pk == child.pk
    assert submitting.submitted == 0


def test_without_a_daemon_no_child_has_a_checkpoint(
    generate_workchain: Callable, search_inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = Submitting(generate_workchain(SearchWorkChain, search_inputs), monkeypatch, by_daemon=False)
    child = alone.child()
    assert alone.again().pk == child.pk


def test_a_function_that_died_with_its_daemon_is_closed_and_called_again(
    generate_workchain: Callable, search_inputs: dict[str, Any]
) -> None:
    workchain = generate_workchain(SearchWorkChain, search_inputs)
    husk = CalcFunctionNode()
    husk.base.links.add_incoming(workchain.node, link_type=LinkType.CALL_CALC, link_label="twice")
    husk.store()
    assert call_once(workchain, "twice", doubled, number=Int(4)).value == 8
    assert husk.is_killed and husk.is_sealed
