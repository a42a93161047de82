"""``anhcsp-engine vary`` as a job."""

from __future__ import annotations

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict, Int

from ..data.population import PopulationData
from .base import CHECKPOINT_FILE, IN_FILE, OUT_FILE, Command, EngineCalculation, write_settings
from .generate import SETTINGS_FILE, SETTINGS_HELP


class VaryCalculation(EngineCalculation):
    """Offspring of a ranked population: the next generation, its share of random structures included."""

    COMMAND = "vary"
    PARSER = "anhcsp.population"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("population", valid_type=PopulationData, help="Ranked structures to choose parents from.")
        spec.input("settings", valid_type=Dict, help=SETTINGS_HELP)
        cls.define_optional_potential(
            spec, "With soft_modes: potential or with candidates only: whose modes or enthalpies."
        )
        spec.input("generation", valid_type=Int, help="Number of the generation to make; the seed depends on it.")
        spec.output("population", valid_type=PopulationData, help="The offspring, not relaxed.")
        spec.exit_code(
            410, "ERROR_INCOMPLETE", message="{missing} of the {total} structures asked for could not be made."
        )

    def command(self, folder: Folder) -> Command:
        """``vary population.extxyz result.extxyz [--potential SPEC] --settings SEARCH.yaml --generation G``."""
        potential, copies = self.potential_arguments(folder)
        write_settings(folder, SETTINGS_FILE, self.inputs.settings)
        generation = str(self.inputs.generation.value)
        return Command(
            [IN_FILE, OUT_FILE, *potential, "--settings", SETTINGS_FILE, "--generation", generation],
            copies=[*copies, self.population_copy(), *self.checkpoint_copy()],
            retrieve=[OUT_FILE, CHECKPOINT_FILE],
        )
