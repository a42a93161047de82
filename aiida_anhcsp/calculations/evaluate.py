"""``anhcsp-engine evaluate`` as a job."""

from __future__ import annotations

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec

from ..data.population import PopulationData
from .base import IN_FILE, OUT_FILE, Command, EngineCalculation, at_least_one


class EvaluateCalculation(EngineCalculation):
    """Energies, forces and stresses of all structures of a population, in one job."""

    COMMAND = "evaluate"
    PARSER = "anhcsp.population"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("population", valid_type=PopulationData, help="Structures to evaluate.")
        cls.define_potential(spec)
        spec.input(
            "runtime.processes",
            valid_type=int,
            required=False,
            non_db=True,
            validator=at_least_one,
            help="Processes of the job that share the structures; one for each core is fastest.",
        )
        spec.output(
            "population",
            valid_type=PopulationData,
            help="The same structures, in order, with status and, where it is ok, energy, forces and stress.",
        )
        spec.exit_code(410, "ERROR_INCOMPLETE", message="{missing} of {total} structures did not come back.")
        spec.exit_code(
            420, "ERROR_ALL_FAILED", message="None of the {total} structures could be evaluated: {statuses}."
        )

    def command(self, folder: Folder) -> Command:
        """``evaluate population.extxyz result.extxyz --potential SPEC``."""
        potential, copies = self.potential_arguments(folder)
        return Command([IN_FILE, OUT_FILE, *potential], [self.population_copy(), *copies], [OUT_FILE])
