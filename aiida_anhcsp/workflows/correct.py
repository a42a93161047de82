"""From the free energy of a potential to that of a reference, by labels on part of the audit's configurations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from aiida.engine import ExitCode, ProcessSpec, ToContext, WorkChain, if_, while_
from aiida.orm import Dict, ProcessNode
from aiida.plugins import WorkflowFactory

from ..calculations.correct import CorrectCalculation
from ..calculations.functions.labels import take_frames
from ..calculations.functions.population import merge_populations
from ..data.dynamical_matrices import DynamicalMatricesData
from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.sscha.correction import as_ranked
from ..engine.sscha.reports import Estimate
from .ports import define_engine, define_label, engine_inputs, parsed_by, plain, validate_label_inputs
from .protocols.builders import CorrectProtocol
from .settings import CorrectionSettings, SschaRunSettings
from .sscha import SschaWorkChain
from .submission import call_once, failure, find_child, get_child, submit_once

Place = tuple[int, int]
"""Round, and part of its labels, both from zero."""


def validate_together(inputs: Mapping[str, Any], _: Any) -> str | None:
    """Inputs that need each other."""
    problem = validate_label_inputs(inputs["label_engine"], inputs.get("label", {}))
    if problem is None and CorrectionSettings.parse(inputs["settings"].get_dict()).relax:
        missing = [name for name in ("potential", "sscha") if name not in inputs]
        problem = f"{missing[0]}: missing; settings.relax needs it" if missing else None
    return problem


class CorrectWorkChain(CorrectProtocol, WorkChain):
    """Correct an SSCHA free energy to the reference (DFT) by thermodynamic perturbation.

    Part of the audit's configurations is labelled; the paired difference gives the correction and its error, and the
    part grows until the error is below the target. On request the model is relaxed again at the pressure where the
    reference has the target pressure, and corrected there. Where a step fails, the last correction that there is comes
    with the exit code.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.input("result", valid_type=Dict, help="Result of anhcsp.sscha, with its audit.")
        spec.input("dynamical_matrices", valid_type=DynamicalMatricesData, help="The state that was audited.")
        spec.input("audit", valid_type=PopulationData, help="The audit's configurations, labelled by the potential.")
        spec.input(
            "settings",
            valid_type=Dict,
            default=lambda: Dict({}),
            validator=parsed_by(CorrectionSettings.parse, "settings"),
            help="target (error in eV/atom, 0.001), first (labels, 20), max_labels (200), reminimise (True), "
            "order (1; 2 adds second_order to the result), relax (at the pressure where the reference has the target "
            "pressure, False).",
        )
        spec.input("potential", valid_type=PotentialData, required=False, help="The potential, needed to relax again.")
        spec.input(
            "sscha",
            valid_type=Dict,
            required=False,
            validator=parsed_by(SschaRunSettings.parse, "sscha"),
            help="Settings of the anhcsp.sscha run, needed to relax again.",
        )
        define_label(spec)
        define_engine(spec)
        spec.inputs.validator = validate_together
        spec.outline(
            cls.setup,
            while_(cls.is_unfinished)(
                while_(cls.is_imprecise)(cls.label, cls.correct, cls.judge),
                if_(cls.should_relax)(cls.relax),
                cls.end_round,
            ),
            cls.results,
        )
        spec.output("result", valid_type=Dict, help="The corrected free energy, see anhcsp.correct's calculation.")
        spec.output("labels", valid_type=PopulationData, help="The labelled configurations.")
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_LABEL", message="The labels failed: {reason}")
        spec.exit_code(402, "ERROR_SUB_PROCESS_FAILED_CORRECT", message="The correction failed: {reason}")
        spec.exit_code(403, "ERROR_SUB_PROCESS_FAILED_RELAX", message="Relaxing again failed: {reason}")
        spec.exit_code(
            410,
            "ERROR_NOT_PRECISE",
            message="The error of the correction, {error} eV/atom, is above the target after {labels} labels.",
        )

    def setup(self) -> None:
        """Begin with the result that was given; ctx holds numbers and PKs only."""
        self.ctx.round = 0
        self.ctx.part = 0
        self.ctx.taken = 0
        self.ctx.wanted = min(self.settings.first, self.audit.count)
        self.ctx.finished = False

    @property
    def settings(self) -> CorrectionSettings:
        """The validated settings."""
        return CorrectionSettings.parse(self.inputs.settings.get_dict())

    @property
    def source(self) -> Any:
        """What is corrected: the inputs, or the outputs of the second relaxation."""
        return get_child(self, "relax").outputs if self.ctx.round else self.inputs

    @property
    def audit(self) -> PopulationData:
        """The configurations of now."""
        audit: PopulationData = self.source.audit
        return audit

    @property
    def limit(self) -> int:
        """Most configurations that may be labelled in a round."""
        return min(self.settings.max_labels, self.audit.count)

    def is_unfinished(self) -> bool:
        """Whether a round is to come."""
        return not self.ctx.finished

    def is_imprecise(self) -> bool:
        """Whether more configurations are to be labelled."""
        return bool(self.ctx.taken < self.ctx.wanted)

    def label(self) -> ToContext:
        """Submit the labels of the next part of the audit."""
        name = self.name("label")
        part = call_once(
            self,
            self.name("take"),
            take_frames,
            population=self.audit,
            part=Dict({"start": self.ctx.taken, "stop": self.ctx.wanted}),
        )
        chain = WorkflowFactory(self.inputs.label_engine.value)
        node = submit_once(self, name, chain, {**plain(self.inputs.get("label", {})), "population": part})
        self.report(f"{part.count} of {self.audit.count} configurations: {node.process_label}<{node.pk}>")
        return ToContext(current=node)

    def correct(self) -> ToContext | ExitCode:
        """Submit the correction with all labels of this round."""
        node = get_child(self, self.name("label"))
        if "population" not in node.outputs:
            return self.ended_early(self.exit_codes.ERROR_SUB_PROCESS_FAILED_LABEL.format(reason=failure(node)))
        keys: dict[str, Any] = {"order": self.settings.order, "reminimise": self.settings.reminimise}
        if self.ctx.round:
            keys["pressure"] = self.inputs.result["pressure_target"]
        inputs = {
            **engine_inputs(self.inputs, CorrectCalculation),
            "result": self.source.result,
            "dynamical_matrices": self.source.dynamical_matrices,
            "audit": self.audit,
            "labels": self.labels(),
            "settings": Dict(keys),
        }
        return ToContext(current=submit_once(self, self.name("correct"), CorrectCalculation, inputs))

    def judge(self) -> ExitCode | None:
        """Ask for as many labels as the error needs, at most twice as many at a time."""
        node = get_child(self, self.name("correct"))
        if "result" not in node.outputs:
            return self.ended_early(self.exit_codes.ERROR_SUB_PROCESS_FAILED_CORRECT.format(reason=failure(node)))
        self.ctx.corrected = (self.ctx.round, self.ctx.part)
        self.report(f"correction {describe(node)}")
        error = shift_of(node.outputs.result).error
        self.ctx.taken = self.ctx.wanted
        self.ctx.wanted = more_labels(self.ctx.taken, error, self.settings.target, self.limit)
        if self.is_imprecise():
            self.ctx.part += 1
        return None

    def should_relax(self) -> bool:
        """Whether the model is relaxed again, at the pressure where the reference has the target."""
        result = self.correction.outputs.result.get_dict()
        if not self.settings.relax or self.ctx.round or "pressure_to_relax_at" not in result:
            return False
        return abs(result["pressure_correction"]) > 3 * result["pressure_correction_error"]

    def relax(self) -> ToContext:
        """Submit SSCHA with the model from the state of now, at the shifted pressure."""
        pressure = self.correction.outputs.result["pressure_to_relax_at"]
        inputs = {
            **engine_inputs(self.inputs, SschaWorkChain),
            "start": self.inputs.dynamical_matrices,
            "potential": self.inputs.potential,
            "settings": Dict({**self.inputs.sscha.get_dict(), "pressure": pressure}),
        }
        self.report(f"the model is relaxed again at {pressure:.2f} GPa, where the reference has the target pressure")
        return ToContext(current=submit_once(self, "relax", SschaWorkChain, inputs))

    def end_round(self) -> ExitCode | None:
        """Go on with the structure that was relaxed again, or end."""
        node = find_child(self, "relax")
        if self.ctx.round or node is None:
            self.ctx.finished = True
            return None
        if not node.is_finished_ok or "audit" not in node.outputs:
            return self.ended_early(self.exit_codes.ERROR_SUB_PROCESS_FAILED_RELAX.format(reason=failure(node)))
        self.ctx.round, self.ctx.part, self.ctx.taken = 1, 0, 0
        self.ctx.wanted = min(self.settings.first, self.audit.count)
        return None

    def results(self) -> ExitCode | None:
        """Hand out the last correction and its labels."""
        self.hand_out()
        result = self.correction.outputs.result
        error = shift_of(result).error
        if error > self.settings.target:
            return self.exit_codes.ERROR_NOT_PRECISE.format(error=f"{error:.4f}", labels=result["n_labels"])
        return None

    def hand_out(self) -> None:
        """Hand out the last correction and its labels."""
        self.out("result", self.correction.outputs.result)
        self.out("labels", self.labels(self.ctx.corrected))

    def ended_early(self, exit_code: ExitCode) -> ExitCode:
        """The exit code of a step that failed, with the last correction if there is one."""
        if "corrected" in self.ctx:
            self.hand_out()
        return exit_code

    @property
    def correction(self) -> ProcessNode:
        """The last correction."""
        return get_child(self, self.name("correct", self.ctx.corrected))

    def labels(self, place: Place | None = None) -> PopulationData:
        """All labels of a round up to a part (those of now), merged where they came in several."""
        number, last = place or (self.ctx.round, self.ctx.part)
        nodes = {
            f"part_{part:02d}": get_child(self, self.name("label", (number, part))).outputs.population
            for part in range(last + 1)
        }
        if len(nodes) == 1:
            return next(iter(nodes.values()))
        merged: PopulationData = call_once(self, self.name("labels", place), merge_populations, **nodes)
        return merged

    def name(self, step: str, place: Place | None = None) -> str:
        """Call link label of a step (of now): ``label_1``, or ``label_relaxed_2`` after the second relaxation."""
        number, part = place or (self.ctx.round, self.ctx.part)
        return f"{step}_{'relaxed_' if number else ''}{part + 1}"


def more_labels(number: int, error: float, target: float, limit: int) -> int:
    """Labels after which the error should be below the target: it falls with their square root.

    :param error: standard error after ``number`` labels
    :param limit: most labels
    :return: ``number`` where it is enough or the limit; at most twice ``number``
    """
    if error <= target:
        return number
    return min(limit, 2 * number, math.ceil(1.1 * number * (error / target) ** 2))


def shift_of(correction: Dict) -> Estimate:
    """What a correction adds to the free energy in eV/atom, at the reference's own minimum if the labels led there."""
    best = as_ranked(correction.get_dict())
    shift, error = (best[f"free_energy_correction{suffix}"] / best["n_atoms"] for suffix in ("", "_error"))
    return Estimate(shift, error)


def describe(node: ProcessNode) -> str:
    """A correction in one line."""
    result = node.outputs.result
    shift = shift_of(result)
    return f"{1000 * shift.value:.1f} +- {1000 * shift.error:.1f} meV/atom from {result['n_labels']} labels"
