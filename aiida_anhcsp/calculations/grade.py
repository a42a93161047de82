"""``anhcsp-engine grade`` as a job."""

from __future__ import annotations

from typing import Any

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..data.population import PopulationData
from ..data.potential import PotentialData
from .base import IN_FILE, OUT_FILE, TRAINING_FILE, Command, EngineCalculation


class GradeCalculation(EngineCalculation):
    """How far the structures of a population are outside what a potential knows, in one job."""

    COMMAND = "grade"
    PARSER = "anhcsp.population"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("population", valid_type=PopulationData, help="Structures to grade.")
        cls.define_potential(spec)
        del spec.inputs["runtime"]["batch_atoms"]
        del spec.inputs["runtime"]["device"]
        spec.input(
            "training",
            valid_type=PopulationData,
            required=False,
            help="The structures the potential was trained on: each structure gets its MaxVol grade.",
        )
        spec.input_namespace(
            "committee",
            dynamic=True,
            valid_type=PotentialData,
            help="Potentials that learned the same: each structure gets the spread of their forces.",
        )
        spec.inputs.validator = _something_to_grade_by
        spec.output(
            "population",
            valid_type=PopulationData,
            help="The same structures, in order, with grade and spread (eV/angstrom), or status and reason.",
        )
        spec.exit_code(410, "ERROR_INCOMPLETE", message="{missing} of {total} structures did not come back.")
        spec.exit_code(420, "ERROR_ALL_FAILED", message="None of the {total} structures could be graded: {statuses}.")

    def command(self, folder: Folder) -> Command:
        """``grade population.extxyz result.extxyz --potential SPEC --training training.extxyz --committee SPEC``."""
        arguments, copies = self.potential_arguments(folder)
        if "training" in self.inputs:
            arguments += ["--training", TRAINING_FILE]
            copies.append(self.population_copy("training", TRAINING_FILE))
        for name, member in sorted(self.inputs.get("committee", {}).items()):
            for file, content in member.files().items():
                with folder.open(f"{name}_{file}", "wb") as handle:
                    handle.write(content)
            arguments += ["--committee", member.specification.replace(member.filename, f"{name}_{member.filename}")]
        return Command([IN_FILE, OUT_FILE, *arguments], [self.population_copy(), *copies], [OUT_FILE])


def _something_to_grade_by(inputs: dict[str, Any], _: Any) -> str | None:
    if "training" in inputs or inputs.get("committee"):
        return None
    return "training: missing; give the structures the potential was trained on, or a committee"
