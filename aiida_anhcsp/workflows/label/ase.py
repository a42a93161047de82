"""Labels by any potential of the engine, ASE calculators included."""

from __future__ import annotations

from aiida.engine import ProcessSpec
from aiida.orm import Data, Dict, ProcessNode

from ...calculations.evaluate import EvaluateCalculation
from ...calculations.functions.labels import collect_evaluated, take_frames
from ..ports import engine_inputs
from ..protocols.references import LabelProtocol
from ..submission import call_once, submit_once
from .base import LabelWorkChain


class AseLabelWorkChain(LabelProtocol, LabelWorkChain):
    """Energies, forces and stresses by a potential that serves as the reference.

    For tests, for teaching one model to another, and for any code with an ASE calculator that needs no job of its
    own per structure.
    """

    PROTOCOL_FILE = "label.ase.yaml"

    DEFAULT_CHUNK_SIZE = 500

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        spec.expose_inputs(EvaluateCalculation, include=("code", "potential", "runtime"))
        spec.inputs["potential"].help = "The reference: its energies, forces and stresses become the labels."

    def submit_chunk(self, label: str, start: int, stop: int) -> ProcessNode:
        """Submit the evaluation of a part of the population."""
        part = call_once(
            self,
            f"take_{label}",
            take_frames,
            population=self.inputs.population,
            part=Dict({"start": start, "stop": stop}),
        )
        inputs = {
            **engine_inputs(self.inputs, EvaluateCalculation),
            "potential": self.inputs.potential,
            "population": part,
        }
        return submit_once(self, label, EvaluateCalculation, inputs)

    def left_from(self, child: ProcessNode, start: int, stop: int) -> int | None:
        """What the engine had not written when its job was killed."""
        if child.exit_status != EvaluateCalculation.exit_codes.ERROR_INTERRUPTED.status:
            return None
        return start + (child.outputs.population.count if "population" in child.outputs else 0)

    def result_of(self, child: ProcessNode) -> Data | None:
        """The evaluated structures."""
        return child.outputs.population if "population" in child.outputs else None

    def join(self, jobs: Dict, results: dict[str, Data], metadata: dict[str, str]) -> dict[str, Data]:
        """Join the evaluations to the structures."""
        joined: dict[str, Data] = collect_evaluated(
            population=self.inputs.population, potential=self.inputs.potential, jobs=jobs, **results, metadata=metadata
        )
        return joined
