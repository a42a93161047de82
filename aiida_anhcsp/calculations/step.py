"""``anhcsp-engine step`` as a job."""

from __future__ import annotations

from pathlib import Path

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict, StructureData

from ..data.dynamical_matrices import DynamicalMatricesData
from ..data.population import PopulationData
from .base import OUT_FOLDER, Command, EngineCalculation, flags, known_keys
from .correct import LABELS_FILE
from .sscha import START_FOLDER


class StepCalculation(EngineCalculation):
    """One SSCHA population on labels made elsewhere: the point is measured, minimised, and its cell moved."""

    COMMAND = "step"
    PARSER = "anhcsp.step"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("dynamical_matrices", valid_type=DynamicalMatricesData, help="The state that was drawn from.")
        spec.input("labels", valid_type=PopulationData, help="Its configurations with energy, forces and stress.")
        cls.define_potential(spec)
        spec.inputs["potential"].help = "A potential near the labels', whose stiffness scales the cell's step."
        spec.input(
            "settings",
            valid_type=Dict,
            validator=known_keys("settings", "pressure", "fixed_cell", required=("pressure",)),
            help="pressure (GPa), fixed_cell (default False).",
        )
        spec.output("result", valid_type=Dict, help="Free energy and pressure of the state that was drawn from.")
        spec.output("structure", valid_type=StructureData, required=False, help="The next cell and centroids.")
        spec.output("dynamical_matrices", valid_type=DynamicalMatricesData, required=False, help="The next state.")
        spec.exit_code(410, "ERROR_NOT_CONVERGED", message="The state is no minimum: {reason}")

    def command(self, folder: Folder) -> Command:
        """``step start labels.extxyz out --potential SPEC --pressure P [--fixed-cell]``."""
        potential, copies = self.potential_arguments(folder)
        self.inputs.dynamical_matrices.write_to(Path(folder.abspath) / START_FOLDER)
        arguments = [START_FOLDER, LABELS_FILE, OUT_FOLDER, *potential, *flags(self.inputs.settings.get_dict())]
        names = ("result.json", "structure.extxyz")
        retrieve: list[str | tuple[str, str, int]] = [(f"{OUT_FOLDER}/{name}", ".", 2) for name in names]
        retrieve.append((f"{OUT_FOLDER}/dynamical_matrices/*", ".", 3))
        return Command(arguments, [*copies, self.population_copy("labels", LABELS_FILE)], retrieve)
