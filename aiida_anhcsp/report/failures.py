"""Everything that went wrong in a run, by name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from aiida.orm import CalcFunctionNode, CalcJobNode, ProcessNode
from ase import Atoms

from ..calculations.functions.population import judge_population
from ..data.population import PopulationData
from ..engine.search.rank import is_relaxed
from ..engine.search.unphysical import STATUS
from .processes import entry_point_of, processes_of, state_of

RELAX = "anhcsp.relax"
"""Entry point of the work chain, and of its jobs"""


@dataclass(frozen=True)
class Failure:
    """What failed (a process, a label or a structure), the process it belongs to, and why."""

    what: str
    process: str
    uuid: str
    reason: str


def failures_of(node: ProcessNode) -> list[Failure]:
    """Failed processes, labels and structures of a run, in the order of their processes.

    A structure that failed is named by the relaxation that handed it out in the end, not by each of its jobs nor by
    the populations it was merged into; one that was relaxed but is unphysical, by the function that judged it.
    """
    found = []
    processes = processes_of(node)
    numbers = {process.pk for process in processes}
    for process in processes:
        name = f"{process.label or process.process_label} <{process.pk}>"
        if process.is_terminated and not process.is_finished_ok:
            found.append(Failure("process", name, process.uuid, state_of(process)))
        found += [
            Failure(f"structure {identity}", name, process.uuid, reason)
            for identity, reason in failed_structures(process, numbers).items()
        ]
    return found


def failed_structures(process: ProcessNode, numbers: Collection[int]) -> dict[str, str]:
    """Structures that a process could not label or relax, or found unphysical, with their reasons.

    :param numbers: PKs of the run's processes: a job says nothing where the work chain it belongs to is among them
    """
    outputs = process.outputs
    if isinstance(process, CalcFunctionNode):
        judged = process.function_name == judge_population.__name__ and "result" in outputs
        return unphysical(outputs.result) if judged else {}
    kind = entry_point_of(process)
    if kind.startswith(("anhcsp.label.", "anhcsp.dft_relax.")) and "report" in outputs:
        failed = outputs.report.get_dict().get("failed", {})
        return {str(identity): str(reason) for identity, reason in failed.items()}
    if kind == RELAX and "population" in outputs and not is_part(process, numbers):
        return unrelaxed(outputs.population)
    return {}


def is_part(process: ProcessNode, numbers: Collection[int]) -> bool:
    """Whether this is a job of a relaxation of the run."""
    caller = process.caller
    if not isinstance(process, CalcJobNode) or caller is None:
        return False
    return caller.pk in numbers and entry_point_of(caller) == RELAX


def unrelaxed(population: PopulationData) -> dict[str, str]:
    """Structures that came to no enthalpy, with their reasons."""
    return {str(frame.info["id"]): _reason(frame) for frame in population.get_frames() if not is_relaxed(frame)}


def unphysical(population: PopulationData) -> dict[str, str]:
    """Structures that were relaxed and set aside, with their reasons."""
    frames = population.get_frames()
    return {str(frame.info["id"]): _reason(frame) for frame in frames if frame.info.get("status") == STATUS}


def _reason(frame: Atoms) -> str:
    return " ".join(str(frame.info[key]) for key in ("status", "reason") if key in frame.info)
