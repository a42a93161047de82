"""What all jobs share: one ``anhcsp-engine`` command, its files, its exit status."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, ClassVar

import yaml
from aiida.common.datastructures import CalcInfo, CodeInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJob, CalcJobProcessSpec
from aiida.engine.processes.ports import InputPort
from aiida.orm import AbstractCode, Dict, Float, Int, SinglefileData

from .. import __version__
from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..version import ENGINE, VARIABLE

STATUS_FILE = "exit_status"
STDOUT_FILE = "engine.out"
STDERR_FILE = "engine.err"
IN_FILE = "population.extxyz"
OUT_FILE = "result.extxyz"
TRAINING_FILE = "training.extxyz"
HELD_OUT_FILE = "held_out.extxyz"
CHECKPOINT_FILE = f"{OUT_FILE}.checkpoint.npz"
OUT_FOLDER = "out"
ONCE = f"""\
if command -v flock > /dev/null; then exec 9> .lock; flock 9; fi
[ ! -e {STATUS_FILE} ] || exit 0"""
"""A daemon killed between handing a job to the scheduler and noting its number hands it over again, to the same folder:
the second waits for the first and has nothing left to do."""


@dataclass
class Command:
    """Arguments of one engine command, the nodes' files it needs and the files to bring back."""

    arguments: list[str]
    copies: list[tuple[str, str, str]] = field(default_factory=list)
    retrieve: list[str | tuple[str, str, int]] = field(default_factory=list)


class EngineCalculation(CalcJob):
    """A job that runs exactly one ``anhcsp-engine`` command."""

    COMMAND: ClassVar[str]
    PARSER: ClassVar[str]

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.inputs["code"].required = True
        spec.inputs["code"].help = "anhcsp-engine, installed where the job runs."
        spec.inputs["code"].validator = is_engine
        options = spec.inputs["metadata"]["options"]
        options["parser_name"].default = cls.PARSER
        options["resources"].default = lambda: {"num_machines": 1, "num_mpiprocs_per_machine": 1}
        options["withmpi"].default = False
        spec.exit_code(
            300, "ERROR_OUTPUT_MISSING", message="The engine ended without writing {files}.", invalidates_cache=True
        )
        spec.exit_code(
            301, "ERROR_OUTPUT_UNREADABLE", message="The engine wrote {files}: {reason}.", invalidates_cache=True
        )
        spec.exit_code(310, "ERROR_INPUT", message="The engine refused its input: {message}")
        spec.exit_code(
            320,
            "ERROR_ENGINE_FAILED",
            message="The engine ended with exit status {status}: {message}",
            invalidates_cache=True,
        )
        spec.exit_code(
            400,
            "ERROR_INTERRUPTED",
            message="The job was stopped before it ended ({reason}): wall time, memory or machine.",
            invalidates_cache=True,
        )

    @classmethod
    def define_potential(cls, spec: CalcJobProcessSpec) -> None:
        """Add the ports of a command that evaluates a potential."""
        spec.input("potential", valid_type=PotentialData, help="The potential to evaluate.")
        spec.input_namespace("runtime", help="Where and how fast to compute; not part of the provenance.")
        spec.input("runtime.device", valid_type=str, default="cpu", non_db=True, validator=_device, help="cpu or cuda.")
        spec.input(
            "runtime.threads",
            valid_type=int,
            default=1,
            non_db=True,
            validator=at_least_one,
            help="Threads of the job.",
        )
        spec.input(
            "runtime.batch_atoms",
            valid_type=int,
            required=False,
            non_db=True,
            validator=at_least_one,
            help="Most atoms evaluated in one call; the engine's own choice if absent.",
        )

    @classmethod
    def define_processes(cls, spec: CalcJobProcessSpec) -> None:
        """Add the port of a command that evaluates many structures at a time."""
        spec.input(
            "runtime.processes",
            valid_type=int,
            required=False,
            non_db=True,
            validator=at_least_one,
            help="Processes of the job that share the evaluations; one of one thread for each core is fastest.",
        )

    @classmethod
    def define_optional_potential(cls, spec: CalcJobProcessSpec, help: str) -> None:
        """Add the ports of a command that evaluates a potential with some settings only.

        :param help: with which, and what for
        """
        cls.define_potential(spec)
        cls.define_processes(spec)
        spec.inputs["potential"].required = False
        spec.inputs["potential"].help = help
        cls.define_checkpoint(spec)

    @classmethod
    def define_checkpoint(cls, spec: CalcJobProcessSpec) -> None:
        """Add the ports of a command that goes on where one with the same inputs was stopped."""
        spec.input(
            "checkpoint",
            valid_type=SinglefileData,
            required=False,
            help="Checkpoint of a job with the same inputs that ended early; this one goes on from there.",
        )
        spec.output(
            "checkpoint", valid_type=SinglefileData, required=False, help="Where a job that ended early left off."
        )

    def checkpoint_copy(self) -> list[tuple[str, str, str]]:
        """Copy of the checkpoint into the job folder, where there is one."""
        if "checkpoint" not in self.inputs:
            return []
        return [(self.inputs.checkpoint.uuid, self.inputs.checkpoint.filename, CHECKPOINT_FILE)]

    @classmethod
    def define_guard(cls, spec: CalcJobProcessSpec) -> None:
        """Add the ports of a command that may stop where the potential knows nothing."""
        spec.input_namespace(
            "guard",
            required=False,
            populate_defaults=False,
            validator=_guard,
            help="Refuse structures outside what the potential knows; nothing is refused if left out.",
        )
        spec.input("guard.training", valid_type=PopulationData, help="The structures the potential was trained on.")
        spec.input(
            "guard.largest_grade",
            valid_type=Float,
            required=False,
            help="MaxVol grade above which a structure is refused.",
        )
        spec.input(
            "guard.largest_error",
            valid_type=Float,
            required=False,
            help="Instead of a grade, what it is to mean: RMSE of the forces up to it, meV/angstrom.",
        )
        spec.input(
            "guard.held_out",
            valid_type=PopulationData,
            required=False,
            help="With largest_error: labelled structures the potential was not trained on, which tell the grade.",
        )

    @abstractmethod
    def command(self, folder: Folder) -> Command:
        """Write what is no node's file into ``folder`` and say what to run."""

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        """Files, command line and retrieve list of the one command this job runs."""
        command = self.command(folder)
        code = CodeInfo()
        code.code_uuid = self.inputs.code.uuid
        code.cmdline_params = [self.COMMAND, *command.arguments]
        code.stdout_name, code.stderr_name = STDOUT_FILE, STDERR_FILE
        info = CalcInfo()
        info.codes_info = [code]
        info.local_copy_list = command.copies
        info.retrieve_list = [STATUS_FILE, STDOUT_FILE, STDERR_FILE, *command.retrieve]
        threads = self.inputs.runtime.threads if "runtime" in self.inputs else 1
        info.prepend_text = f"{ONCE}\nexport OMP_NUM_THREADS={threads} {VARIABLE}={__version__}"
        info.append_text = f"echo $? > {STATUS_FILE}"
        return info

    def potential_arguments(self, folder: Folder) -> tuple[list[str], list[tuple[str, str, str]]]:
        """``--potential`` and the runtime knobs, and the files the potential needs beside the job; nothing without."""
        if "potential" not in self.inputs:
            return [], []
        potential: PotentialData = self.inputs.potential
        copies = []
        for name, content in potential.files().items():
            if name == potential.filename:
                copies.append((potential.uuid, name, name))
            else:
                with folder.open(name, "wb") as handle:
                    handle.write(content)
        specification = potential.specification
        if "guard" in self.inputs:
            copies.append((self.inputs.guard.training.uuid, self.inputs.guard.training.filename, TRAINING_FILE))
            guard = {"potential": specification, "training": TRAINING_FILE}
            if "largest_grade" in self.inputs.guard:
                guard["largest_grade"] = self.inputs.guard.largest_grade.value
            else:
                held_out: PopulationData = self.inputs.guard.held_out
                copies.append((held_out.uuid, held_out.filename, HELD_OUT_FILE))
                guard |= {"held_out": HELD_OUT_FILE, "largest_error": self.inputs.guard.largest_error.value}
            specification = f"guarded:{json.dumps(guard)}"
        return ["--potential", specification, *self.runtime_arguments()], copies

    def runtime_arguments(self) -> list[str]:
        """``--device``, ``--threads`` and, where given, ``--batch-atoms``."""
        return flags(dict(sorted(self.inputs.runtime.items())))

    def population_copy(self, name: str = "population", target: str = IN_FILE) -> tuple[str, str, str]:
        """Copy of the input population into the job folder."""
        node: PopulationData = self.inputs[name]
        return node.uuid, node.filename, target


def flags(settings: Mapping[str, Any]) -> list[str]:
    """Command-line options: ``{"max_steps": 5}`` becomes ``--max-steps 5``; True is a bare flag, False nothing."""
    arguments: list[str] = []
    for key, value in settings.items():
        option = f"--{key.replace('_', '-')}"
        if isinstance(value, bool):
            arguments += [option] if value else []
        else:
            arguments += [option, value if isinstance(value, str) else json.dumps(value)]
    return arguments


def write_settings(folder: Folder, name: str, settings: Dict) -> None:
    """Write a settings node as the YAML document an engine command reads."""
    with folder.open(name, "w") as handle:
        yaml.safe_dump(settings.get_dict(), handle, sort_keys=True)


def known_keys(port: str, *known: str, required: tuple[str, ...] = ()) -> Callable[[Dict | None, Any], str | None]:
    """Validator of a settings Dict: one sentence that names the port, the key and the fix."""

    def validate(value: Dict | None, _: Any) -> str | None:
        if value is None:
            return None
        unknown = sorted(set(value.get_dict()) - set(known))
        if unknown:
            return f"{port}: unknown key {unknown[0]!r}; the keys are {', '.join(known)}"
        missing = [key for key in required if key not in value.get_dict()]
        return f"{port}: {missing[0]} is missing; give it" if missing else None

    return validate


def is_engine(value: AbstractCode | None, port: InputPort) -> str | None:
    """Validator of the code of a job: a wrapper of the engine has its name in its own."""
    if value is None or ENGINE in (program := PurePath(value.get_executable()).name):
        return None
    return f"{port.name}: {value.full_label} runs {program}; give a code of {ENGINE}"


def at_least_one(value: Int | int | None, port: InputPort) -> str | None:
    """Validator of a number of structures, jobs, processes, threads or atoms."""
    if value is None:
        return None
    number = value if isinstance(value, int) else value.value
    return None if number >= 1 else f"{port.name}: {number} is too few; give 1 or more"


def _guard(value: Mapping[str, Any] | None, _: Any) -> str | None:
    """Neither or both of a grade and an error, or an error without the structures that tell its grade."""
    if not value or ("largest_grade" in value and not {"largest_error", "held_out"} & set(value)):
        return None
    if "largest_grade" not in value and {"largest_error", "held_out"} <= set(value):
        return None
    return "guard: give largest_grade, or largest_error with held_out"


def _device(value: str, _: Any) -> str | None:
    return None if value in ("cpu", "cuda") else f"runtime.device: {value!r} is unknown; give cpu or cuda"
