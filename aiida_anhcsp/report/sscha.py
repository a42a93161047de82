"""The SSCHA runs of a run, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiida.orm import ProcessNode, WorkChainNode

from .processes import work_chains_of

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
    temperature: float
    pressure: float
    steps: list[Step]

    @property
    def point(self) -> tuple[float, float]:
        """Pressure (GPa) and temperature (K)."""
        return self.pressure, self.temperature


def sscha_runs_of(node: ProcessNode) -> list[SschaRun]:
    """The SSCHA runs that have ended a stage, itself included, oldest first."""
    chains = [each for each in work_chains_of(node, "anhcsp.sscha") if "result" in each.outputs]
    results = [(each, each.outputs.result.get_dict()) for each in chains]
    return [_run(each, result) for each, result in results if result.get("stages")]


def _run(node: WorkChainNode, result: Entry) -> SschaRun:
    stages = [stage for stage in result["stages"] if "gibbs_free_energy" in stage]
    steps = [_step("x".join(map(str, stage["supercell"])), stage) for stage in stages]
    if AUDIT in result:
        ensemble = {"configurations": result[AUDIT]["configurations"], "converged": result["converged"]}
        steps.append(_step(AUDIT, {**result, **ensemble}))
    name = node.label or f"{node.process_label} {node.pk}"
    return SschaRun(name, float(result["temperature"]), float(result["pressure_target"]), steps)


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
