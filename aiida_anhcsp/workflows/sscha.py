"""One structure on its quantum anharmonic free energy: stages, audit, each a job of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from aiida.engine import ExitCode, ProcessSpec, ToContext, WorkChain, while_
from aiida.orm import Dict, Node, ProcessNode, Str, StructureData, load_node
from ase.geometry import cell_to_cellpar
from ase.stress import full_3x3_to_voigt_6_stress

from ..calculations.functions.sscha import sscha_summary
from ..calculations.sscha import SschaCalculation
from ..data.dynamical_matrices import DynamicalMatricesData
from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.errors import InputError
from ..engine.sscha.settings import IMPOSED, SYMMETRY_TOLERANCE, Stage, parse_stages
from .gibbs_settings import GiveUpSettings
from .names import reason_of
from .ports import define_engine, engine_inputs, parsed_by
from .protocols.builders import SschaProtocol
from .settings import SschaRunSettings, derived_seed
from .submission import call_once, failure, find_child, get_child, submit_once


class SschaWorkChain(SschaProtocol, WorkChain):
    """Relax a structure on its SSCHA free energy at a pressure and a temperature.

    Every stage starts from the centroids and dynamical matrices of the one before. A stage that fails or does not
    converge is repeated alone, from where it came to, with twice the configurations; one whose job was stopped goes on
    with as many. The audit draws an independent ensemble at the end, from which the free energy and an honest error
    bar come; one that is lost is repeated as it was, and a result without it counts as not converged.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.input(
            "structure",
            valid_type=StructureData,
            required=False,
            help="Structure to start from, relaxed at the pressure; may be left out when start is given.",
        )
        spec.input(
            "start",
            valid_type=DynamicalMatricesData,
            required=False,
            help="State of another run of the same phase, at a pressure and temperature nearby, to start from; where "
            "it spans the supercell of the last stage, only that stage is run.",
        )
        spec.input("potential", valid_type=PotentialData, help="The potential whose free energy is minimised.")
        spec.input(
            "settings",
            valid_type=Dict,
            validator=parsed_by(SschaRunSettings.parse, "settings"),
            help="pressure (GPa), temperature (K), stages (['1x1x1:200', '2x2x2:500']: supercell and configurations), "
            "seed, fixed_cell (default False), audit (default True), repeats of a failed stage or audit (default "
            "1), continuations of one whose job was stopped (default 5). auto:500 chooses the supercell.",
        )
        spec.input(
            "give_up",
            valid_type=Dict,
            required=False,
            validator=parsed_by(GiveUpSettings.parse, "give_up"),
            help="threshold (eV/atom), decreases [{stage, converged, largest (eV/atom), seen}] and seen: the run ends "
            "after a stage whose G - 3 sigma - largest decrease is above the threshold.",
        )
        define_engine(spec)
        spec.expose_inputs(SschaCalculation, include=("guard",))
        spec.inputs.validator = validate_together
        spec.outline(
            cls.setup,
            while_(cls.has_stage)(cls.run_stage, cls.judge_stage),
            while_(cls.should_audit)(cls.audit, cls.judge_audit),
            cls.results,
        )
        spec.output(
            "result",
            valid_type=Dict,
            help="converged, free_energy (eV per primitive cell), gibbs_free_energy and its error (eV/atom), pressure "
            "(GPa), initial and final {cell, volume, spacegroup}, stages.",
        )
        spec.output("structure", valid_type=StructureData, required=False, help="Final cell and centroids.")
        spec.output("dynamical_matrices", valid_type=DynamicalMatricesData, required=False, help="The final state.")
        spec.output(
            "audit", valid_type=PopulationData, required=False, help="The independent ensemble, to correct or label."
        )
        spec.exit_code(202, "ERROR_INVALID_STRUCTURE", message="No SSCHA of this structure: {reason}")
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_STAGE", message="A stage came to nothing: {reason}")
        spec.exit_code(402, "ERROR_SUB_PROCESS_FAILED_AUDIT", message="The stages ended but the audit failed: {reason}")
        spec.exit_code(410, "ERROR_NOT_CONVERGED", message="The free energy is no converged minimum: {reason}")
        spec.exit_code(411, "ERROR_GIVEN_UP", message="Given up: {reason}")

    def setup(self) -> ExitCode | None:
        """Start with the first stage, or with the last one from a state that spans its supercell."""
        start = self.inputs.get("start")
        given = "structure" in self.inputs
        atoms = self.inputs.structure.get_ase() if given else start.get_structure()
        tolerance = SYMMETRY_TOLERANCE if given else IMPOSED
        try:
            self.ctx.stages = self.settings.stages_for(atoms, self.inputs.potential.cutoff, tolerance=tolerance)
        except InputError as error:
            self.report(f"refused: {error}")
            return self.exit_codes.ERROR_INVALID_STRUCTURE.format(reason=str(error))
        self.ctx.stage = 0
        self.ctx.repeat = 0
        self.ctx.continued = 0
        self.ctx.audits = 0
        self.ctx.audited = not self.settings.audit
        self.ctx.state = None
        self.ctx.jobs = []
        if start is not None:
            self.ctx.state = start.pk
            last = parse_stages(self.ctx.stages[-1])[0]
            self.ctx.stage = len(self.ctx.stages) - 1 if start.supercell == last.supercell else 0
        return None

    @property
    def settings(self) -> SschaRunSettings:
        """The validated settings."""
        return SschaRunSettings.parse(self.inputs.settings.get_dict())

    @property
    def stage(self) -> Stage:
        """The stage of now; each repetition has twice the configurations."""
        stages = self.ctx.stages
        stage = parse_stages(stages[min(self.ctx.stage, len(stages) - 1)])[0]
        return Stage(stage.supercell, stage.configurations * 2**self.ctx.repeat)

    def has_stage(self) -> bool:
        """Whether a stage is still to be run."""
        return bool(self.ctx.stage < len(self.ctx.stages))

    def run_stage(self) -> ToContext:
        """Submit the stage of now."""
        stream = (self.ctx.stage, self.ctx.repeat, self.ctx.continued)
        node = self.submit_job(self.stage_label(), "none", derived_seed(self.settings.seed, *stream))
        self.report(f"stage {self.ctx.stage + 1} ({self.stage}) by {node.process_label}<{node.pk}>")
        return ToContext(current=node)

    def judge_stage(self) -> ExitCode | None:
        """Go on to the next stage, repeat this one, or give up."""
        node = get_child(self, self.stage_label())
        if "dynamical_matrices" in node.outputs:
            self.ctx.state = node.outputs.dynamical_matrices.pk
            if "result" in node.outputs:
                self.ctx.jobs.append(node.pk)
        if self.is_hopeless(node):
            return self.give_up(node)
        if was_stopped(node) and self.ctx.continued < self.settings.continuations:
            self.ctx.continued += 1
            self.report(f"{failure(node)}; the stage goes on from its last population, if it had one")
            return None
        if not (node.is_finished_ok or was_stopped(node)) and self.ctx.repeat < self.settings.repeats:
            self.ctx.repeat += 1
            self.report(f"{failure(node)}; the stage is repeated with {self.stage.configurations} configurations")
            return None
        if not {"dynamical_matrices", "result"} <= set(node.outputs):
            self.report(f"{failure(node)}; nothing to go on from")
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_STAGE.format(reason=failure(node))
        self.report(f"stage {self.ctx.stage + 1}: {describe(node)}")
        self.ctx.stage += 1
        if self.has_stage():
            self.ctx.repeat = self.ctx.continued = 0
        return None

    def is_hopeless(self, node: ProcessNode) -> bool:
        """Whether what a stage came to leaves no hope for the structure."""
        if "give_up" not in self.inputs or node.pk not in self.ctx.jobs:
            return False
        result = node.outputs.result.get_dict()
        limits = GiveUpSettings.parse(self.inputs.give_up.get_dict())
        return "gibbs_free_energy" in result and limits.hopeless(self.ctx.stage + 1, result)

    def give_up(self, node: ProcessNode) -> ExitCode:
        """End the run with what it came to, an upper bound."""
        result, threshold = node.outputs.result, self.inputs.give_up["threshold"]
        reason = (
            f"G = {result['gibbs_free_energy']:.4f} +- {result['gibbs_free_energy_error']:.4f} eV/atom after stage "
            f"{self.ctx.stage + 1} cannot come below {threshold:.4f}"
        )
        self.report(f"given up: {reason}")
        self.out("result", call_once(self, "summary", sscha_summary, given_up=Str(reason), **self.parts()))
        self.out("structure", node.outputs.structure)
        self.out("dynamical_matrices", node.outputs.dynamical_matrices)
        return self.exit_codes.ERROR_GIVEN_UP.format(reason=reason)

    def should_audit(self) -> bool:
        """Whether an independent ensemble is still to be drawn."""
        return not self.ctx.audited

    def audit(self) -> ToContext:
        """Submit the audit of the last stage, with the same configurations each time."""
        seed = derived_seed(self.settings.seed, len(self.ctx.stages), 0)
        node = self.submit_job(self.audit_label(), "only", seed)
        self.report(f"audit ({self.stage}) by {node.process_label}<{node.pk}>")
        return ToContext(current=node)

    def judge_audit(self) -> None:
        """Repeat an audit that was lost."""
        node = get_child(self, self.audit_label())
        allowed = self.settings.continuations if was_stopped(node) else self.settings.repeats
        self.ctx.audited = "result" in node.outputs or self.ctx.audits >= allowed
        if not self.ctx.audited:
            self.ctx.audits += 1
            self.report(f"{failure(node)}; the audit is repeated")

    def results(self) -> ExitCode | None:
        """Hand out the result of stages and audit together, and say whether it has converged."""
        last, audit = load_node(self.ctx.jobs[-1]), find_child(self, self.audit_label())
        nodes = self.parts()
        if audit is not None and "result" in audit.outputs:
            nodes["audit"] = audit.outputs.result
        elif audit is not None:
            nodes["unaudited"] = Str(f"the audit is missing: {reason_of(audit)}")
        result = call_once(self, "summary", sscha_summary, **nodes)
        self.out("result", result)
        self.out("structure", last.outputs.structure)
        self.out("dynamical_matrices", last.outputs.dynamical_matrices)
        if audit is not None and "audit" in audit.outputs:
            self.out("audit", audit.outputs.audit)
        return self.verdict(result.get_dict(), last, audit)

    def parts(self) -> dict[str, Node]:
        """Nodes the summary is made of: first and final structure, and the results of the stages in their order."""
        first = self.inputs.structure if "structure" in self.inputs else self.inputs.start
        nodes: dict[str, Node] = {"structure": first, "final": load_node(self.ctx.jobs[-1]).outputs.structure}
        for number, pk in enumerate(self.ctx.jobs, start=1):
            nodes[f"stage_{number:02d}"] = load_node(pk).outputs.result
        return nodes

    def verdict(self, result: dict[str, Any], last: ProcessNode, audit: ProcessNode | None) -> ExitCode | None:
        """None for a converged result."""
        if audit is not None and "result" not in audit.outputs:
            self.report(failure(audit))
            return self.exit_codes.ERROR_SUB_PROCESS_FAILED_AUDIT.format(reason=failure(audit))
        if not result["converged"]:
            job = last if audit is None or audit.is_finished_ok else audit
            reason = result["reason"] if job.is_finished_ok else failure(job)
            self.report(f"not converged: {reason}")
            return self.exit_codes.ERROR_NOT_CONVERGED.format(reason=reason)
        self.report(
            f"G = {result['gibbs_free_energy']:.4f} +- {result['gibbs_free_energy_error']:.4f} eV/atom, "
            f"{result['initial']['spacegroup']} -> {result['final']['spacegroup']}"
        )
        for when in ("initial", "final"):
            self.report(f"{when}: {describe_cell(result[when])}")
        return None

    def stage_label(self) -> str:
        """Call link label of the stage of now: ``stage_2``, ``stage_2_repeat_1`` or ``stage_2_continued_1``."""
        repeat = f"_repeat_{self.ctx.repeat}" if self.ctx.repeat else ""
        continued = f"_continued_{self.ctx.continued}" if self.ctx.continued else ""
        return f"stage_{self.ctx.stage + 1}{repeat}{continued}"

    def audit_label(self) -> str:
        """Call link label of the audit of now: ``audit`` or ``audit_repeat_1``."""
        return f"audit_repeat_{self.ctx.audits}" if self.ctx.audits else "audit"

    def submit_job(self, label: str, audit: str, seed: int) -> ProcessNode:
        """Submit a stage or the audit, from the state of now."""
        settings = self.settings
        inputs = {
            **engine_inputs(self.inputs, SschaCalculation),
            "potential": self.inputs.potential,
            "settings": Dict(
                {
                    "pressure": settings.pressure,
                    "temperature": settings.temperature,
                    "stages": [str(self.stage)],
                    "seed": seed,
                    "fixed_cell": settings.fixed_cell,
                    "audit": audit,
                }
            ),
        }
        if "guard" in self.inputs:
            inputs["guard"] = dict(self.inputs.guard)
        if "structure" in self.inputs:
            inputs["structure"] = self.inputs.structure
        if self.ctx.state is not None:
            inputs["start"] = load_node(self.ctx.state)
        return submit_once(self, label, SschaCalculation, inputs)


def validate_together(inputs: Mapping[str, Any], _: Any) -> str | None:
    """Inputs that need each other: something to start from, and a potential whose range is known for auto."""
    if not {"structure", "start"} & set(inputs):
        return "structure: missing; give structure, start or both"
    return SschaRunSettings.parse(inputs["settings"].get_dict()).without_range(inputs["potential"].cutoff)


def was_stopped(node: ProcessNode) -> bool:
    """Whether a job was stopped from outside: more configurations would not help it."""
    return bool(node.exit_status == SschaCalculation.exit_codes.ERROR_INTERRUPTED.status)


def describe(node: ProcessNode) -> str:
    """One line on a stage that ended."""
    result = node.outputs.result.get_dict() if "result" in node.outputs else {}
    if "gibbs_free_energy" not in result:
        return failure(node)
    state = "converged" if node.is_finished_ok else f"not converged ({failure(node)})"
    return (
        f"{state}, G = {result['gibbs_free_energy']:.4f} eV/atom, {result['pressure']:.1f} GPa, "
        f"{result['spacegroup_final']}"
    )


def describe_cell(state: dict[str, Any]) -> str:
    """Cell and quantum stress of the initial or final state, in one line."""
    lengths = ", ".join(f"{value:.3f}" for value in cell_to_cellpar(state["cell"])[:3])
    angles = ", ".join(f"{value:.1f}" for value in cell_to_cellpar(state["cell"])[3:])
    stress = ", ".join(f"{value:.1f}" for value in full_3x3_to_voigt_6_stress(np.array(state["stress"])))
    return f"cell {lengths} A, {angles} degrees; stress (xx, yy, zz, yz, xz, xy) {stress} GPa"
