"""``anhcsp-engine generate`` as a job."""

from __future__ import annotations

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict

from ..data.population import PopulationData
from .base import CHECKPOINT_FILE, OUT_FILE, Command, EngineCalculation, write_settings

SETTINGS_FILE = "SEARCH.yaml"
SETTINGS_HELP = (
    "Settings of the search as in SEARCH.yaml: formula, formula_units, pressure (GPa), population, generations, "
    "seed, relax, minimum_distances, operators, stop."
)


class GenerateCalculation(EngineCalculation):
    """Random symmetric structures: generation 0 of a search."""

    COMMAND = "generate"
    PARSER = "anhcsp.population"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("settings", valid_type=Dict, help=SETTINGS_HELP)
        cls.define_optional_potential(spec, "The potential that the candidates are compared by: with candidates only.")
        spec.output("population", valid_type=PopulationData, help="The structures, not relaxed.")
        spec.exit_code(
            410, "ERROR_INCOMPLETE", message="{missing} of the {total} structures asked for could not be made."
        )

    def command(self, folder: Folder) -> Command:
        """``generate result.extxyz [--potential SPEC] --settings SEARCH.yaml``."""
        potential, copies = self.potential_arguments(folder)
        write_settings(folder, SETTINGS_FILE, self.inputs.settings)
        return Command(
            [OUT_FILE, *potential, "--settings", SETTINGS_FILE],
            copies=[*copies, *self.checkpoint_copy()],
            retrieve=[OUT_FILE, CHECKPOINT_FILE],
        )
