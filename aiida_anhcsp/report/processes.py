"""The processes of a run: all that it called, by kind, and how each stands."""

from __future__ import annotations

from aiida.orm import CalcJobNode, ProcessNode, WorkChainNode
from aiida.plugins.entry_point import is_valid_entry_point_string, parse_entry_point_string


def processes_of(root: ProcessNode) -> list[ProcessNode]:
    """A run and all that it called, in the order they were stored."""
    return sorted([root, *root.called_descendants], key=lambda node: int(node.pk or 0))


def work_chains_of(root: ProcessNode, entry_point: str) -> list[WorkChainNode]:
    """The work chains of this entry point in a run, itself included, oldest first."""
    nodes = (node for node in processes_of(root) if isinstance(node, WorkChainNode))
    return [node for node in nodes if entry_point_of(node) == entry_point]


def jobs_at_work(root: ProcessNode) -> list[CalcJobNode]:
    """The jobs of a run that have not ended, oldest first."""
    return [node for node in processes_of(root) if isinstance(node, CalcJobNode) and not node.is_terminated]


def entry_point_of(node: ProcessNode) -> str:
    """Entry point of a process, or an empty text for a function."""
    kind = node.process_type or ""
    return parse_entry_point_string(kind)[1] if is_valid_entry_point_string(kind) else ""


def state_of(node: ProcessNode) -> str:
    """State of a process in words; the exit message where it failed."""
    if node.is_finished_ok:
        return "finished"
    if node.is_finished:
        return f"failed with exit status {node.exit_status}: {node.exit_message}"
    if node.is_excepted:
        return f"excepted: {str(node.exception).strip().splitlines()[-1]}"
    if node.is_killed:
        return "killed"
    return "paused" if node.paused else str(node.process_state.value if node.process_state else "created")
