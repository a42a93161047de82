"""SSCHA on a reference itself: every population is labelled by a label work chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ExitCode, ProcessSpec, ToContext, WorkChain, while_
from aiida.orm import Dict, ProcessNode, StructureData, load_node
from aiida.plugins import WorkflowFactory

from ..calculations.draw import DrawCalculation
from ..calculations.step import StepCalculation
from ..data.dynamical_matrices import DynamicalMatricesData
from ..data.population import PopulationData
from ..data.potential import PotentialData
from .ports import define_engine, define_label, engine_inputs, parsed_by, plain, validate_label_inputs
from .protocols.studies import SschaOnLabelsProtocol
from .settings import PopulationSettings, derived_seed
from .submission import failure, find_child, get_child, has_ended, submit_once


def validate_together(inputs: Mapping[str, Any], _: Any) -> str | None:
    """Inputs that the label work chain would refuse."""
    return validate_label_inputs(inputs["label_engine"], inputs.get("label", {}))


class SschaOnLabelsWorkChain(SschaOnLabelsProtocol, WorkChain):
    """SSCHA whose energies, forces and stresses come from a label work chain, such as DFT.

    It starts from a state that a potential has converged to, so that a few populations of a hundred or two
    configurations do. Each population is fresh: it measures the state it was drawn from, and where that is the minimum
    the measurement is the result. A minimisation that fails is repeated once; where a population comes to nothing, the
    measurement of the one before comes with the exit code.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.input("start", valid_type=DynamicalMatricesData, help="State of anhcsp.sscha with a potential.")
        spec.input("potential", valid_type=PotentialData, help="That potential; its stiffness scales the cell's steps.")
        spec.input(
            "settings",
            valid_type=Dict,
            validator=parsed_by(PopulationSettings.parse, "settings"),
            help="pressure (GPa), configurations of a population (100), max_populations (5), fixed_cell (False), seed. "
            "The temperature is that of the start.",
        )
        define_label(spec)
        define_engine(spec)
        spec.inputs.validator = validate_together
        spec.outline(
            cls.setup,
            while_(cls.should_go_on)(cls.draw, cls.label, while_(cls.is_unmeasured)(cls.minimise), cls.judge),
            cls.results,
        )
        spec.output("result", valid_type=Dict, help="As that of anhcsp.sscha, measured on the last population.")
        spec.output(
            "structure", valid_type=StructureData, required=False, help="Cell and centroids that were measured."
        )
        spec.output("dynamical_matrices", valid_type=DynamicalMatricesData, help="The state that was measured.")
        spec.output("audit", valid_type=PopulationData, help="The last population with its labels.")
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_DRAW", message="No configurations: {reason}")
        spec.exit_code(402, "ERROR_SUB_PROCESS_FAILED_LABEL", message="The labels failed: {reason}")
        spec.exit_code(403, "ERROR_SUB_PROCESS_FAILED_STEP", message="A population failed: {reason}")
        spec.exit_code(410, "ERROR_NOT_CONVERGED", message="No minimum after {populations} populations: {reason}")

    def setup(self) -> None:
        """Begin with the state that was given; ctx holds numbers and PKs only."""
        self.ctx.number = 1
        self.ctx.state = self.inputs.start.pk
        self.ctx.converged = False

    @property
    def settings(self) -> PopulationSettings:
        """The validated settings."""
        return PopulationSettings.parse(self.inputs.settings.get_dict())

    def should_go_on(self) -> bool:
        """Whether another population is needed and allowed."""
        return not self.ctx.converged and self.ctx.number <= self.settings.max_populations

    def draw(self) -> ToContext:
        """Submit the drawing of fresh configurations."""
        seed = derived_seed(self.settings.seed, self.ctx.number)
        inputs = {
            **engine_inputs(self.inputs, DrawCalculation),
            "dynamical_matrices": load_node(self.ctx.state),
            "settings": Dict({"configurations": self.settings.configurations, "seed": seed}),
        }
        return ToContext(current=submit_once(self, f"draw_{self.ctx.number}", DrawCalculation, inputs))

    def label(self) -> ToContext | ExitCode:
        """Submit the labels."""
        node = get_child(self, f"draw_{self.ctx.number}")
        if "population" not in node.outputs:
            return self.ended_early(self.exit_codes.ERROR_SUB_PROCESS_FAILED_DRAW.format(reason=failure(node)))
        chain = WorkflowFactory(self.inputs.label_engine.value)
        inputs = {**plain(self.inputs.get("label", {})), "population": node.outputs.population}
        child = submit_once(self, f"label_{self.ctx.number}", chain, inputs)
        self.report(f"population {self.ctx.number}: labels by {child.process_label}<{child.pk}>")
        return ToContext(current=child)

    def is_unmeasured(self) -> bool:
        """Whether the minimisation is to be run, for the first time or once more."""
        return not has_ended(self, self.step_label(self.ctx.number))

    def minimise(self) -> ToContext | ExitCode:
        """Submit the minimisation on the labels."""
        node = get_child(self, f"label_{self.ctx.number}")
        if "population" not in node.outputs:
            return self.ended_early(self.exit_codes.ERROR_SUB_PROCESS_FAILED_LABEL.format(reason=failure(node)))
        inputs = {
            **engine_inputs(self.inputs, StepCalculation),
            "dynamical_matrices": load_node(self.ctx.state),
            "labels": node.outputs.population,
            "potential": self.inputs.potential,
            "settings": Dict({"pressure": self.settings.pressure, "fixed_cell": self.settings.fixed_cell}),
        }
        return ToContext(current=submit_once(self, self.step_label(self.ctx.number), StepCalculation, inputs))

    def judge(self) -> ExitCode | None:
        """End at a minimum; otherwise go on from where the step led."""
        node = get_child(self, self.step_label(self.ctx.number))
        if not has_measured(node):
            return self.ended_early(self.exit_codes.ERROR_SUB_PROCESS_FAILED_STEP.format(reason=failure(node)))
        result = node.outputs.result.get_dict()
        self.report(
            f"population {self.ctx.number}: G = {result['gibbs_free_energy']:.4f} +- "
            f"{result['gibbs_free_energy_error']:.4f} eV/atom, {result['pressure']:.1f} GPa, "
            f"{'at rest' if result['converged'] else result['reason']}"
        )
        self.ctx.converged = result["converged"]
        if not self.ctx.converged:
            self.ctx.state = node.outputs.dynamical_matrices.pk
            self.ctx.number += 1
        return None

    def results(self) -> ExitCode | None:
        """Hand out the last measurement and the state it belongs to."""
        last = min(self.ctx.number, self.settings.max_populations)
        self.hand_out(last)
        if not self.ctx.converged:
            reason = self.outputs["result"]["reason"]
            return self.exit_codes.ERROR_NOT_CONVERGED.format(populations=last, reason=reason)
        return None

    def hand_out(self, number: int) -> None:
        """Hand out the measurement of a population and the state it belongs to."""
        node = get_child(self, self.step_label(number))
        self.out("result", node.outputs.result)
        self.out("dynamical_matrices", node.inputs.dynamical_matrices)
        self.out("audit", node.inputs.labels)
        if number > 1:
            self.out("structure", get_child(self, self.step_label(number - 1)).outputs.structure)

    def ended_early(self, exit_code: ExitCode) -> ExitCode:
        """The exit code of a population that came to nothing, with the measurement of the one before."""
        if self.ctx.number > 1:
            self.hand_out(self.ctx.number - 1)
        return exit_code

    def step_label(self, number: int) -> str:
        """Call link label of the minimisation of a population: ``step_2``, or ``step_2_again`` once that has failed."""
        first = find_child(self, f"step_{number}")
        failed = first is not None and first.is_terminated and not has_measured(first)
        return f"step_{number}_again" if failed else f"step_{number}"


def has_measured(node: ProcessNode) -> bool:
    """Whether a minimisation came to a result and to where it led."""
    return {"result", "dynamical_matrices"} <= set(node.outputs)
