"""The SSCHA runs of a run, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiida.orm import ProcessNode, WorkChainNode

from .progress import entry_point_of

Entry = Mapping[str, Any]
AUDIT = "audit"


@dataclass(frozen=True)
class Step:
    """A stage or an audit of an SSCHA run: free energy in eV/atom, pressure in GPa, each with its error.

    ``name`` is the supercell or ``audit``; ``note`` says why it is no minimum, empty if it is one.
    """

    name: str
    configurations: int
    populations: int | None
    gibbs: float
    gibbs_error: float
    pressure: float
    pressure_error: float
    spacegroup: str
    note: str


@dataclass(frozen=True)
class SschaRun:
    """An SSCHA run of one structure at a temperature (K) and a target pressure (GPa)."""

    name: str
    uuid: str
    temperature: float
    pressure: float
    steps: list[Step]

    @property
    def point(self) -> tuple[float, float]:
        """Pressure (GPa) and temperature (K)."""
        return self.pressure, self.temperature


def sscha_runs_of(node: ProcessNode) -> list[SschaRun]:
    """The SSCHA runs that have a result, itself included, oldest first."""
    nodes = sorted([node, *node.called_descendants], key=lambda each: int(each.pk or 0))
    found = [each for each in nodes if isinstance(each, WorkChainNode) and entry_point_of(each) == "anhcsp.sscha"]
    return [_run(each) for each in found if "result" in each.outputs]


def _run(node: ProcessNode) -> SschaRun:
    result = node.outputs.result.get_dict()
    stages = result.get("stages", [])
    steps = [_step("x".join(map(str, stage["supercell"])), stage) for stage in stages if "gibbs_free_energy" in stage]
    if AUDIT in result:
        ensemble = {"configurations": result[AUDIT]["configurations"], "converged": result["converged"]}
        steps.append(_step(AUDIT, {**result, **ensemble}))
    name = node.label or f"{node.process_label} {node.pk}"
    return SschaRun(name, node.uuid, float(result["temperature"]), float(result["pressure_target"]), steps)


def _step(name: str, entry: Entry) -> Step:
    return Step(
        name,
        int(entry["configurations"]),
        entry.get("populations"),
        float(entry["gibbs_free_energy"]),
        float(entry["gibbs_free_energy_error"]),
        float(entry["pressure"]),
        float(entry["pressure_error"]),
        str(entry.get("spacegroup_final", "?")),
        "" if entry["converged"] else str(entry.get("reason", "not converged")),
    )
