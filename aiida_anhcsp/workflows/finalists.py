"""SSCHA of the lowest structures, and the correction of their free energies to DFT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aiida.engine import ProcessSpec, ToContext, WorkChain
from aiida.orm import Dict, ProcessNode, Str
from ase import Atoms

from ..calculations.functions.population import extract_structure
from ..data.potential import PotentialData
from ..engine.errors import InputError
from ..engine.search.early_stop import largest_decreases
from ..engine.search.gibbs_hull import Phase, reach
from ..engine.search.near_hull import near_hull
from ..engine.search.quantum import at_common_density
from ..engine.search.rank import lowest
from .correct import CorrectWorkChain
from .gibbs import stages_and_end
from .names import awaited, linkable, listed, tag
from .ports import define_label, define_sscha_jobs, engine_inputs, parsed_by, plain, validate_label_inputs
from .settings import CorrectionSettings, FinalistSettings
from .sscha import SschaWorkChain
from .submission import call_once, find_child, get_child, has_ended, submit_once


def validate_correction(inputs: Mapping[str, Any]) -> str | None:
    """A correction needs an audit to label, and inputs that its label work chain takes."""
    correction = inputs.get("correction")
    if not correction:
        return None
    if not inputs["sscha"]["settings"].get_dict().get("audit", True):
        return "sscha.settings: audit is off, but its ensemble is what the correction labels; leave it on"
    return validate_label_inputs(correction["label_engine"], correction.get("label", {}), "correction.label")


def validate_finalists(inputs: Mapping[str, Any], variable: bool) -> str | None:
    """As :func:`validate_correction`; and stages that suit elements, or the range of a potential that does not learn.

    :param variable: whether the finalists are of several compositions
    """
    problem = validate_correction(inputs)
    settings = FinalistSettings.parse(inputs["sscha"]["settings"].get_dict())
    if problem is None and variable:
        try:
            settings.require_elements()
        except InputError as error:
            return str(error)
    if problem is not None or inputs["search"].get("learning"):
        return problem
    return settings.without_range(inputs["search"]["potential"].cutoff, "sscha.settings.stages")


def define_finalists(spec: ProcessSpec) -> None:
    """Add the namespaces ``sscha`` and ``correction``."""
    spec.input_namespace("sscha", help="SSCHA of the finalists.")
    spec.input(
        "sscha.settings",
        valid_type=Dict,
        validator=parsed_by(FinalistSettings.parse, "sscha.settings"),
        help="number (of lowest distinct structures at each pressure), window (over compositions, eV/atom above the "
        "hull: 0.05), give_up (True: over compositions, without correction, a run ends early where the errors cannot "
        "bring it to the hull), "
        "temperatures (K), stages "
        "(['1x1x1:200', '2x2x2:500']), seed, fixed_cell, audit, repeats, match_q_density (True: free "
        "energies of supercells of different size are ranked at one density of q points).",
    )
    define_sscha_jobs(spec, "search.")
    define_correction(spec)


def define_correction(spec: ProcessSpec) -> None:
    """Add the namespace ``correction``."""
    spec.input_namespace(
        "correction", required=False, populate_defaults=False, help="Correction of the free energies to DFT."
    )
    spec.input(
        "correction.settings",
        valid_type=Dict,
        validator=parsed_by(CorrectionSettings.parse, "correction.settings"),
        help="target (error in eV/atom), first, max_labels, reminimise, relax: as those of anhcsp.correct.",
    )
    define_label(spec, "correction.")


class FinalistSteps(WorkChain):
    """SSCHA of the runs planned in ``ctx.runs`` and their correction; needs the inputs ``search`` and a potential."""

    @property
    def potential(self) -> PotentialData:
        """The potential of the runs."""
        raise NotImplementedError

    @property
    def is_variable(self) -> bool:
        """Whether the finalists are of several compositions."""
        raise NotImplementedError

    @property
    def finalists(self) -> FinalistSettings:
        """Settings of the SSCHA runs."""
        return FinalistSettings.parse(self.inputs.sscha.settings.get_dict())

    def has_finalists(self) -> bool:
        """Whether SSCHA runs are still to be submitted."""
        return bool(self.waiting())

    def waiting(self) -> list[str]:
        """Runs that have not ended."""
        return [name for name in self.ctx.runs if not has_ended(self, f"sscha_{name}")]

    def sscha(self) -> ToContext:
        """Submit the next SSCHA runs, as many as may run at a time."""
        waiting = self.waiting()
        nodes = [self.submit_sscha(name) for name in waiting[: self.inputs.sscha.max_concurrent]]
        self.report(f"SSCHA: {listed(nodes)}; {len(waiting) - len(nodes)} wait")
        return awaited(nodes)

    def submit_sscha(self, name: str) -> ProcessNode:
        """Submit one run."""
        run, settings = self.ctx.runs[name], self.finalists
        ranked = get_child(self, f"rank_{tag(run['pressure'])}").outputs.result
        identity = run["id"]
        structure = call_once(
            self,
            f"structure_{tag(run['pressure'])}_{linkable(identity)}",
            extract_structure,
            population=ranked,
            identity=Str(identity),
        )
        inputs = {
            **engine_inputs({**self.inputs.search, **self.inputs.sscha}, SschaWorkChain),
            "structure": structure,
            "potential": self.potential,
            "settings": Dict(settings.at(run["pressure"], run["temperature"]).model_dump()),
        }
        limits = self.give_up_inputs(name)
        if limits is not None:
            inputs["give_up"] = Dict(limits)
        return submit_once(self, f"sscha_{name}", SschaWorkChain, inputs)

    def give_up_inputs(self, name: str) -> dict[str, Any] | None:
        """When a run over compositions ends early: what it cannot come below to reach the hull within the errors.

        The hull is that of the runs at the same pressure and temperature that have ended in batches before; None as
        long as it has no ends, and where a correction follows: the potential's own error, which that takes off, is in
        neither the hull nor the threshold.
        """
        run, settings = self.ctx.runs[name], self.finalists
        if not (self.is_variable and settings.give_up) or "correction" in self.inputs:
            return None
        frames = get_child(self, f"rank_{tag(run['pressure'])}").outputs.result.get_frames()
        formulas = {frame.info["id"]: frame.get_chemical_formula() for frame in frames}
        phases, stages = [], []
        for other, point in self.ctx.runs.items():
            node = find_child(self, f"sscha_{other}")
            alike = all(point[key] == run[key] for key in ("pressure", "temperature"))
            if alike and node is not None and node.is_finished_ok:
                result = node.outputs.result.get_dict()
                result = at_common_density(result) if settings.match_q_density else result
                values = result["gibbs_free_energy"], result["gibbs_free_energy_error"]
                phases.append(Phase(other, formulas[point["id"]], *values))
                stages.append(stages_and_end(node, settings.match_q_density))
        threshold = reach(phases, formulas[run["id"]], seed=settings.seed) if phases else None
        if threshold is None:
            return None
        decreases = [asdict(each) for each in largest_decreases(stages)]
        return {"threshold": threshold, "decreases": decreases} if decreases else None

    def has_uncorrected(self) -> bool:
        """Whether free energies are still to be corrected."""
        return bool(self.uncorrected())

    def uncorrected(self) -> list[str]:
        """Runs whose free energy is their audit's and whose correction has not ended.

        An audit of what has not converged is an upper bound, and so is its correction.
        """
        if "correction" not in self.inputs:
            return []
        runs = {name: get_child(self, f"sscha_{name}") for name in self.ctx.runs}
        names = [name for name, node in runs.items() if "audit" in node.outputs and is_audited(node)]
        return [name for name in names if not has_ended(self, f"correct_{name}")]

    def correct(self) -> ToContext:
        """Submit the next corrections, as many as SSCHA runs may run at a time."""
        waiting = self.uncorrected()
        nodes = [self.submit_correction(name) for name in waiting[: self.inputs.sscha.max_concurrent]]
        self.report(f"corrections: {listed(nodes)}; {len(waiting) - len(nodes)} wait")
        return awaited(nodes)

    def submit_correction(self, name: str) -> ProcessNode:
        """Submit the correction of one run."""
        run, correction = get_child(self, f"sscha_{name}"), self.inputs.correction
        inputs = {
            **engine_inputs({**self.inputs.search, **self.inputs.sscha}, CorrectWorkChain),
            **{output: run.outputs[output] for output in ("result", "dynamical_matrices", "audit")},
            "potential": run.inputs.potential,
            "sscha": run.inputs.settings,
            "settings": correction.settings,
            "label_engine": correction.label_engine,
            "label": plain(correction.get("label", {})),
        }
        return submit_once(self, f"correct_{name}", CorrectWorkChain, inputs)


def finalists_among(ranked: Sequence[Atoms], settings: FinalistSettings, variable: bool) -> list[Atoms]:
    """The structures of a ranked population that go through SSCHA.

    :param variable: whether they are of several compositions
    """
    if variable:
        return near_hull(ranked, settings.number, settings.window)
    return lowest(ranked, settings.number)


def is_audited(run: ProcessNode) -> bool:
    """Whether the free energy that an SSCHA run came to is that of its audit."""
    return "result" in run.outputs and run.outputs.result.get_dict().get("source") == "audit"
