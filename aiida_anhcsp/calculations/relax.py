"""``anhcsp-engine relax`` as a job."""

from __future__ import annotations

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict, Float, SinglefileData

from ..data.population import PopulationData
from .base import IN_FILE, OUT_FILE, Command, EngineCalculation, flags, known_keys

CHECKPOINT_FILE = f"{OUT_FILE}.checkpoint.npz"
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
        spec.input(
            "checkpoint",
            valid_type=SinglefileData,
            required=False,
            help="Checkpoint of a job with the same inputs that ended early; the relaxation goes on from there.",
        )
        spec.output(
            "population",
            valid_type=PopulationData,
            help="One structure per input structure, in order, with status and, if relaxed, enthalpy (eV/atom).",
        )
        spec.output(
            "checkpoint", valid_type=SinglefileData, required=False, help="Where a job that ended early left off."
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
        copies.append(self.population_copy())
        if "checkpoint" in self.inputs:
            copies.append((self.inputs.checkpoint.uuid, self.inputs.checkpoint.filename, CHECKPOINT_FILE))
        return Command([IN_FILE, OUT_FILE, *arguments], copies, [OUT_FILE, CHECKPOINT_FILE])
