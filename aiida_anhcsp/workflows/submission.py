"""Children of a work chain, found by their call link label: a step that runs twice submits once.

A daemon killed inside a submitting step runs that step again, and before it the condition that led there. Every
submitting step therefore goes through :func:`submit_once` (jobs and work chains) or :func:`call_once` (calcfunctions),
and a condition asks whether a child has ended, not whether there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from aiida.common.links import LinkType
from aiida.engine import Process, ProcessState, WorkChain
from aiida.orm import Data, ProcessNode

FIRST_SIGNAL = 128
"""Exit statuses above it are those of a program that a signal ended."""

NO_CHECKPOINT = "does not have a saved checkpoint"
"""AiiDA's words for a process that cannot be continued because it never began."""


def find_child(workchain: WorkChain, label: str) -> ProcessNode | None:
    """The child that was called with this call link label; the last one if a label was used twice."""
    links = workchain.node.base.links.get_outgoing(
        link_type=(LinkType.CALL_CALC, LinkType.CALL_WORK), link_label_filter=label
    )
    children = [link.node for link in links.all() if link.link_label == label]
    return max(children, key=lambda node: node.pk, default=None)


def has_ended(workchain: WorkChain, label: str) -> bool:
    """Whether the child with this call link label was called and has ended."""
    child = find_child(workchain, label)
    return child is not None and bool(child.is_terminated)


def get_child(workchain: WorkChain, label: str) -> ProcessNode:
    """The child that was called with this call link label.

    :raises LookupError: there is none.
    """
    child = find_child(workchain, label)
    if child is None:
        raise LookupError(f"{workchain.node.process_label}<{workchain.node.pk}> has called nothing as {label}")
    return child


def submit_once(workchain: WorkChain, label: str, process: type[Process], inputs: Mapping[str, Any]) -> ProcessNode:
    """Submit a child, unless one with this call link label exists already; that one is returned then.

    A daemon killed between the two halves of AiiDA's submission leaves a node that can never begin: that one is closed
    and its like submitted.

    :param label: call link label, and label of the child's node
    :param inputs: inputs of the child; ``metadata`` may be among them
    """
    child = find_child(workchain, label)
    if child is not None and workchain.runner.is_daemon_runner and _never_began(child):
        _close(child, "never began: the daemon was killed while it submitted this")
        child = None
    if child is None:
        metadata = {**inputs.get("metadata", {}), "label": label, "call_link_label": label}
        child = workchain.submit(process, **{**inputs, "metadata": metadata})
    return child


def _never_began(node: ProcessNode) -> bool:
    """Whether a node was stored without the checkpoint from which a daemon would begin it."""
    if node.is_excepted:
        return NO_CHECKPOINT in (node.exception or "")
    return node.process_state in (None, ProcessState.CREATED) and node.checkpoint is None


def _close(node: ProcessNode, reason: str) -> None:
    """End a node that nobody will ever continue, so that nobody waits for it."""
    if not node.is_sealed:
        node.set_process_state(ProcessState.KILLED)
        node.set_process_status(reason)
        node.seal()


def call_once(workchain: WorkChain, label: str, function: Callable[..., Any], **inputs: Any) -> Data:
    """Result of a calcfunction with one output, called unless a child with this call link label has succeeded.

    A step calls one function after the other, so one that has not ended died with its daemon: it is closed.
    """
    child = find_child(workchain, label)
    if child is not None and child.is_finished_ok:
        result: Data = child.outputs.result
        return result
    if child is not None and not child.is_terminated:
        _close(child, "the daemon was killed while it ran this")
    result = function(**inputs, metadata={"label": label, "call_link_label": label})
    return result


def failure(node: ProcessNode) -> str:
    """Why a child did not succeed, in one line, with its class and number."""
    if node.is_excepted:
        reason = f"excepted: {node.exception}"
    elif node.is_killed:
        reason = "was killed"
    else:
        reason = f"exit status {node.exit_status}: {node.exit_message}"
    return " ".join(f"{node.process_label}<{node.pk}> {reason}".split())


def failed_by_itself(job: ProcessNode) -> bool:
    """Whether the program of an aiida-shell job ended with an exit status of its own, and not by a signal."""
    status = re.search(r"status:? (\d+)", job.exit_message or "") if job.is_finished else None
    return status is not None and int(status.group(1)) < FIRST_SIGNAL
