"""``anhcsp-engine grade`` as a job."""

from __future__ import annotations

from typing import Any

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict, Float

from ..data.population import PopulationData
from ..data.potential import PotentialData
from .base import HELD_OUT_FILE, IN_FILE, OUT_FILE, TRAINING_FILE, Command, EngineCalculation

CALIBRATION_FILE = "result.calibration.json"


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
        spec.input(
            "held_out",
            valid_type=PopulationData,
            required=False,
            help="Labelled structures it was not trained on: they tell what force error a grade means.",
        )
        spec.input(
            "target_error",
            valid_type=Float,
            required=False,
            help="With held_out: RMSE of the forces up to the calibrated threshold, meV/angstrom; 150 if absent.",
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
        spec.output(
            "calibration",
            valid_type=Dict,
            required=False,
            help="With held_out: threshold (the largest grade within target_error; absent if there is none), grades in "
            "rising order, errors of the forces up to each (meV/angstrom).",
        )
        spec.exit_code(410, "ERROR_INCOMPLETE", message="{missing} of {total} structures did not come back.")
        spec.exit_code(420, "ERROR_ALL_FAILED", message="None of the {total} structures could be graded: {statuses}.")

    def command(self, folder: Folder) -> Command:
        """``grade population.extxyz result.extxyz --potential SPEC --training training.extxyz --committee SPEC``."""
        arguments, copies = self.potential_arguments(folder)
        if "training" in self.inputs:
            arguments += ["--training", TRAINING_FILE]
            copies.append(self.population_copy("training", TRAINING_FILE))
        if "held_out" in self.inputs:
            arguments += ["--held-out", HELD_OUT_FILE]
            copies.append(self.population_copy("held_out", HELD_OUT_FILE))
        if "target_error" in self.inputs:
            arguments += ["--target-error", repr(self.inputs.target_error.value)]
        for name, member in sorted(self.inputs.get("committee", {}).items()):
            for file, content in member.files().items():
                with folder.open(f"{name}_{file}", "wb") as handle:
                    handle.write(content)
            arguments += ["--committee", member.specification.replace(member.filename, f"{name}_{member.filename}")]
        return Command([IN_FILE, OUT_FILE, *arguments], [self.population_copy(), *copies], [OUT_FILE, CALIBRATION_FILE])


def _something_to_grade_by(inputs: dict[str, Any], _: Any) -> str | None:
    if "held_out" in inputs and "training" not in inputs:
        return "held_out: there is no grade to calibrate; give training too"
    if "target_error" in inputs and ("held_out" not in inputs or inputs["target_error"].value <= 0):
        return "target_error: give a positive error, with held_out"
    if "training" in inputs or inputs.get("committee"):
        return None
    return "training: missing; give the structures the potential was trained on, or a committee"
