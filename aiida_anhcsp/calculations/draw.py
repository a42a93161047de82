"""``anhcsp-engine draw`` as a job."""

from __future__ import annotations

from pathlib import Path

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict

from ..data.dynamical_matrices import DynamicalMatricesData
from ..data.population import PopulationData
from .base import OUT_FILE, Command, EngineCalculation, flags, known_keys
from .sscha import START_FOLDER


class DrawCalculation(EngineCalculation):
    """Fresh, independent configurations of an SSCHA state, to be labelled."""

    COMMAND = "draw"
    PARSER = "anhcsp.population"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("dynamical_matrices", valid_type=DynamicalMatricesData, help="The state.")
        spec.input(
            "settings",
            valid_type=Dict,
            validator=known_keys("settings", "configurations", "seed", required=("configurations", "seed")),
            help="configurations (how many) and seed.",
        )
        spec.output("population", valid_type=PopulationData, help="The configurations.")
        spec.exit_code(410, "ERROR_INCOMPLETE", message="{missing} of the {total} configurations are missing.")

    def command(self, folder: Folder) -> Command:
        """``draw start result.extxyz --configurations N --seed N``."""
        self.inputs.dynamical_matrices.write_to(Path(folder.abspath) / START_FOLDER)
        return Command([START_FOLDER, OUT_FILE, *flags(self.inputs.settings.get_dict())], retrieve=[OUT_FILE])
