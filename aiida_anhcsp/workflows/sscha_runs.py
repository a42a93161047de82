"""What the SSCHA runs that a work chain submitted came to, for its table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import WorkChain
from aiida.orm import Node

from .names import reason_of
from .submission import get_child

Runs = dict[str, dict[str, Any]]


def sscha_runs(chain: WorkChain, runs: Mapping[str, dict[str, Any]]) -> tuple[Runs, dict[str, Node]]:
    """The runs, failed ones with their ``reason``, and the nodes ``result_NAME`` and ``structure_NAME`` they gave.

    :param runs: by name; the child is called ``sscha_NAME``
    """
    told: Runs = {}
    nodes: dict[str, Node] = {}
    for name, run in runs.items():
        node = get_child(chain, f"sscha_{name}")
        told[name] = run if node.is_finished_ok else {**run, "reason": reason_of(node)}
        found = [output for output in ("result", "structure") if output in node.outputs]
        nodes |= {f"{output}_{name}": node.outputs[output] for output in found}
    return told, nodes
