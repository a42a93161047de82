"""Is the minimum of a free energy dynamically stable? Its Hessian, from an ensemble that grows until it tells."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode, ProcessSpec, ToContext, WorkChain, while_
from aiida.orm import Dict

from ..calculations.hessian import HessianCalculation
from ..data.dynamical_matrices import DynamicalMatricesData
from ..data.potential import PotentialData
from .ports import define_engine, engine_inputs, parsed_by
from .protocols.studies import HessianProtocol
from .settings import HessianSettings, derived_seed
from .submission import failure, get_child, submit_once

UNDECIDED = "undecided"


class HessianWorkChain(HessianProtocol, WorkChain):
    """Free-energy Hessian, dispersions and dynamical stability of a finished ``anhcsp.sscha`` run.

    The ensemble is drawn from the run's auxiliary matrices. Where its noise leaves the verdict open, the Hessian is
    computed again from twice the configurations, until it tells or there are as many as allowed. Where such a second
    calculation fails, the first one is the result.
    """

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.input("dynamical_matrices", valid_type=DynamicalMatricesData, help="The state that SSCHA converged to.")
        spec.input("potential", valid_type=PotentialData, help="The potential of that run.")
        spec.input(
            "settings",
            valid_type=Dict,
            validator=parsed_by(HessianSettings.parse, "settings"),
            help="configurations of the ensemble (1000), max_configurations up to which they are doubled while the "
            "verdict is open (4000), seed, path of the dispersions (auto, points such as GXMG, or null), v4 (False: "
            "without the fourth-order term), resamples of the bootstrap (20).",
        )
        define_engine(spec)
        spec.outline(cls.setup, while_(cls.is_open)(cls.compute, cls.judge), cls.results)
        spec.output(
            "result",
            valid_type=Dict,
            help="lowest_frequency and frequencies_gamma (cm^-1, negative = imaginary), stability (stable, unstable or "
            "undecided), dispersions: those of the harmonic, the auxiliary and the Hessian's matrices.",
        )
        spec.output("hessian", valid_type=DynamicalMatricesData, help="The Hessian's matrices with the centroids.")
        spec.exit_code(401, "ERROR_SUB_PROCESS_FAILED_HESSIAN", message="No Hessian: {reason}")

    def setup(self) -> None:
        """Begin with the ensemble asked for; ctx holds numbers only."""
        self.ctx.round = 0
        self.ctx.ended = None
        self.ctx.open = True

    @property
    def settings(self) -> HessianSettings:
        """The validated settings."""
        return HessianSettings.parse(self.inputs.settings.get_dict())

    @property
    def configurations(self) -> int:
        """Size of the ensemble of now."""
        return self.settings.configurations * 2 ** int(self.ctx.round)

    def is_open(self) -> bool:
        """Whether the verdict needs (another) ensemble."""
        return bool(self.ctx.open)

    def compute(self) -> ToContext:
        """Submit the Hessian from the ensemble of now."""
        settings = self.settings.model_dump(exclude={"max_configurations"}, exclude_none=True)
        settings |= {"configurations": self.configurations, "seed": derived_seed(self.settings.seed, self.ctx.round)}
        inputs = {
            **engine_inputs(self.inputs, HessianCalculation),
            "dynamical_matrices": self.inputs.dynamical_matrices,
            "potential": self.inputs.potential,
            "settings": Dict(settings),
        }
        node = submit_once(self, self.label_of(self.ctx.round), HessianCalculation, inputs)
        self.report(f"Hessian from {self.configurations} configurations by {node.process_label}<{node.pk}>")
        return ToContext(current=node)

    def judge(self) -> ExitCode | None:
        """End with a verdict, or ask for twice the configurations."""
        node = get_child(self, self.label_of(self.ctx.round))
        if not {"result", "hessian"} <= set(node.outputs):
            self.report(failure(node))
            if self.ctx.ended is None:
                return self.exit_codes.ERROR_SUB_PROCESS_FAILED_HESSIAN.format(reason=failure(node))
            self.ctx.open = False
            return None
        result = node.outputs.result.get_dict()
        self.ctx.ended = self.ctx.round
        more = 2 * self.configurations <= self.settings.max_configurations
        self.ctx.open = result.get("stability") == UNDECIDED and more
        self.report(describe(result))
        self.ctx.round += self.ctx.open
        return None

    def results(self) -> None:
        """Hand out the last Hessian."""
        node = get_child(self, self.label_of(self.ctx.ended))
        self.out("result", node.outputs.result)
        self.out("hessian", node.outputs.hessian)

    def label_of(self, number: int) -> str:
        """Call link label of a calculation: ``hessian_1``, ``hessian_2``, ..."""
        return f"hessian_{number + 1}"


def describe(result: dict[str, Any]) -> str:
    """The verdict in one line."""
    stability = result.get("stability") or ("stable" if result["dynamically_stable"] else "unstable")
    order = "third and fourth order" if result.get("v4") else "third order"
    noise = " within the noise" if stability == UNDECIDED else ""
    return (
        f"free-energy Hessian ({order}, {result['configurations']} configurations): dynamical stability {stability}"
        f"{noise}, lowest frequency {result['lowest_frequency']:.1f} cm^-1"
    )
