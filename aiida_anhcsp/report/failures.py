"""Everything that went wrong in a run, by name."""

from __future__ import annotations

from dataclasses import dataclass

from aiida.orm import CalcFunctionNode, ProcessNode

from ..data.population import PopulationData
from ..engine.search.rank import is_relaxed
from .progress import entry_point_of, state_of


@dataclass(frozen=True)
class Failure:
    """What failed (a process, a label or a structure), the process it belongs to, and why."""

    what: str
    process: str
    uuid: str
    reason: str


def failures_of(node: ProcessNode) -> list[Failure]:
    """Failed processes, labels and structures of a run, in the order of their processes.

    A structure that failed is named where it was relaxed, not again in the populations it was merged into.
    """
    found = []
    for process in sorted([node, *node.called_descendants], key=lambda process: process.pk):
        name = f"{process.label or process.process_label} <{process.pk}>"
        if process.is_terminated and not process.is_finished_ok:
            found.append(Failure("process", name, process.uuid, state_of(process)))
        if isinstance(process, CalcFunctionNode):
            continue
        outputs = process.outputs
        if "report" in outputs and entry_point_of(process).startswith(("anhcsp.label.", "anhcsp.dft_relax.")):
            for identity, reason in outputs.report.get_dict().get("failed", {}).items():
                found.append(Failure(f"structure {identity}", name, process.uuid, str(reason)))
        if entry_point_of(process) == "anhcsp.relax" and "population" in outputs:
            found += [
                Failure(f"structure {identity}", name, process.uuid, reason)
                for identity, reason in unrelaxed(outputs.population).items()
            ]
    return found


def unrelaxed(population: PopulationData) -> dict[str, str]:
    """Structures that came to no enthalpy, with their reasons."""
    return {
        str(frame.info["id"]): " ".join(str(frame.info[key]) for key in ("status", "reason") if key in frame.info)
        for frame in population.get_frames()
        if not is_relaxed(frame)
    }
