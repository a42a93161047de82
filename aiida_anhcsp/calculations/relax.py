"""``anhcsp-engine relax`` as a job."""

from __future__ import annotations

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict, Float

from ..data.population import PopulationData
from .base import CHECKPOINT_FILE, IN_FILE, OUT_FILE, Command, EngineCalculation, flags, known_keys

SHARE_OF_WALLCLOCK = 0.9
"""Part of the wall time after which the engine stops by itself and writes what it has."""


class RelaxCalculation(EngineCalculation):
    """Relaxation of all structures of a population to their enthalpy minima, in one job.

    A structure that cannot be relaxed comes back with a status and a reason; it is no failure of the job.
    """

    COMMAND = "relax"
    PARSER = "anhcsp.population"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("population", valid_type=PopulationData, help="Structures to relax.")
        cls.define_potential(spec)
        cls.define_processes(spec)
        cls.define_guard(spec)
        spec.input("pressure", valid_type=Float, help="Target pressure, GPa.")
        spec.input(
            "settings",
            valid_type=Dict,
            required=False,
            validator=known_keys("settings", "fmax", "max_steps"),
            help="fmax (eV/angstrom, the criterion of ASE's FrechetCellFilter) and max_steps; the engine's defaults "
            "if absent.",
        )
        cls.define_checkpoint(spec)
        spec.output(
            "population",
            valid_type=PopulationData,
            help="One structure per input structure, in order, with status and, if relaxed, enthalpy (eV/atom).",
        )
        spec.exit_code(
            401,
            "ERROR_OUT_OF_TIME",
            message="The wall time ended before {unfinished} of {total} structures were relaxed.",
            invalidates_cache=True,
        )
        spec.exit_code(410, "ERROR_INCOMPLETE", message="{missing} of {total} structures did not come back.")
        spec.exit_code(420, "ERROR_ALL_FAILED", message="None of the {total} structures could be relaxed: {statuses}.")

    def command(self, folder: Folder) -> Command:
        """``relax population.extxyz result.extxyz --potential SPEC --pressure P``."""
        potential, copies = self.potential_arguments(folder)
        settings = self.inputs.settings.get_dict() if "settings" in self.inputs else {}
        arguments = [*potential, "--pressure", repr(self.inputs.pressure.value), *flags(settings)]
        limit = self.node.get_option("max_wallclock_seconds")
        if limit is not None:
            arguments += ["--max-wallclock", repr(SHARE_OF_WALLCLOCK * limit)]
        copies += [self.population_copy(), *self.checkpoint_copy()]
        return Command([IN_FILE, OUT_FILE, *arguments], copies, [OUT_FILE, CHECKPOINT_FILE])
