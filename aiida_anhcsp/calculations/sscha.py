"""``anhcsp-engine sscha`` as a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict, StructureData

from ..data.dynamical_matrices import DynamicalMatricesData
from ..data.population import PopulationData
from ..engine.frames import write_frames
from .base import OUT_FOLDER, Command, EngineCalculation, known_keys

STRUCTURE_FILE = "initial.extxyz"
START_FOLDER = "start"
AUDITS = {"none": ["--no-audit"], "only": ["--audit-only"], "also": []}


class SschaCalculation(EngineCalculation):
    """One stage of an SSCHA relaxation, or its audit, as a job of its own.

    In the graph every stage is one of these, started from the dynamical matrices of the stage before; the last one
    has ``audit: only`` and draws the fresh ensemble that G and its error come from.
    """

    COMMAND = "sscha"
    PARSER = "anhcsp.sscha"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input(
            "structure",
            valid_type=StructureData,
            required=False,
            help="Structure to start from; may be left out when start is given.",
        )
        spec.input(
            "start",
            valid_type=DynamicalMatricesData,
            required=False,
            help="State of the stage before: centroids and auxiliary dynamical matrices.",
        )
        cls.define_potential(spec)
        cls.define_processes(spec)
        cls.define_guard(spec)
        spec.input(
            "settings",
            valid_type=Dict,
            validator=_settings,
            help="pressure (GPa), temperature (K), stages ('2x2x2:500': supercell and configurations; or a list of "
            "them), seed, fixed_cell (default False), audit: none, only or also (default also).",
        )
        spec.inputs.validator = _some_start
        spec.output("result", valid_type=Dict, help="Free energy, pressure, frequencies: result.json of the engine.")
        spec.output("structure", valid_type=StructureData, required=False, help="Final cell and centroids.")
        spec.output(
            "dynamical_matrices",
            valid_type=DynamicalMatricesData,
            required=False,
            help="Final auxiliary dynamical matrices with their centroids.",
        )
        spec.output(
            "audit",
            valid_type=PopulationData,
            required=False,
            help="The independent ensemble the free energy was evaluated on, labelled by the potential.",
        )
        spec.exit_code(410, "ERROR_NOT_CONVERGED", message="The minimisation did not converge{reason}.")

    def command(self, folder: Folder) -> Command:
        """``sscha STRUCTURE out --potential SPEC --pressure P --temperature T --stages S --seed N``."""
        settings = self.inputs.settings.get_dict()
        potential, copies = self.potential_arguments(folder)
        arguments = [self._write_structure(folder), OUT_FOLDER, *potential]
        for key in ("pressure", "temperature", "seed"):
            arguments += [f"--{key}", repr(settings[key])]
        arguments += ["--stages", ",".join(stages_of(settings))]
        arguments += ["--fixed-cell"] if settings.get("fixed_cell", False) else []
        arguments += AUDITS[settings.get("audit", "also")]
        if "start" in self.inputs:
            self.inputs.start.write_to(Path(folder.abspath) / START_FOLDER)
            arguments += ["--start", START_FOLDER]
        names = ("result.json", "structure.extxyz", "audit.extxyz")
        retrieve: list[str | tuple[str, str, int]] = [(f"{OUT_FOLDER}/{name}", ".", 2) for name in names]
        return Command(arguments, copies, [*retrieve, (f"{OUT_FOLDER}/dynamical_matrices/*", ".", 3)])

    def _write_structure(self, folder: Folder) -> str:
        if "structure" not in self.inputs:
            return f"{START_FOLDER}/structure.extxyz"
        write_frames(Path(folder.abspath) / STRUCTURE_FILE, [self.inputs.structure.get_ase()])
        return STRUCTURE_FILE


def stages_of(settings: dict[str, Any]) -> list[str]:
    """The stages a settings dictionary names, each as ``2x2x2:500``."""
    stages = settings["stages"]
    return stages.split(",") if isinstance(stages, str) else [str(stage) for stage in stages]


_known = known_keys(
    "settings",
    "pressure",
    "temperature",
    "stages",
    "seed",
    "fixed_cell",
    "audit",
    required=("pressure", "temperature", "stages", "seed"),
)


def _settings(value: Dict, context: Any) -> str | None:
    problem = _known(value, context)
    audit = value.get_dict().get("audit", "also")
    if problem is None and audit not in AUDITS:
        problem = f"settings: audit {audit!r} is unknown; give one of {', '.join(AUDITS)}"
    return problem


def _some_start(inputs: dict[str, Any], _: Any) -> str | None:
    return None if {"structure", "start"} & set(inputs) else "structure: missing; give structure, start or both"
