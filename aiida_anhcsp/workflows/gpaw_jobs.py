"""GPAW jobs through aiida-shell: a script that is an input node, run by the Python that GPAW is installed for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from aiida.engine import ProcessSpec
from aiida.orm import Data, Dict, ProcessNode, SinglefileData, load_node
from aiida_shell import ShellJob

from ..calculations.functions.labels import complete_frames, write_json
from .chunked import ChunkedWorkChain
from .gpaw_settings import GpawSettings
from .ports import parsed_by, validate_not_engine
from .submission import call_once, submit_once

SCRIPT = Path(__file__).with_name("gpaw_frames.py")
RESULT_FILE = "result.extxyz"
RESULT_LINK = "result_extxyz"
DEFAULT_OPTIONS: dict[str, Any] = {
    "resources": {"num_machines": 1, "num_mpiprocs_per_machine": 1},
    "withmpi": False,
    "environment_variables": {"OMP_NUM_THREADS": "1"},
}
HELP = (
    "GPAW's settings: cutoff (plane waves, eV, default 500), kpoints_spacing (1/angstrom, 2 pi included, 0.5), xc "
    "(PBE), smearing (Fermi-Dirac width, eV, 0.1), energy_tolerance (eV per valence electron, 1e-5), max_iterations "
    "(120), magnetic_moment (of each atom to begin with, Bohr magnetons; without it there is no spin)"
)


class GpawWorkChain(ChunkedWorkChain):
    """A population shared out to GPAW jobs; results that a killed job had written are kept."""

    SETTINGS: ClassVar[type[GpawSettings]] = GpawSettings
    SETTINGS_HELP: ClassVar[str] = f"{HELP}."

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        code = spec.inputs["code"]
        code.help = "The Python interpreter that GPAW is installed for, such as Debian's /usr/bin/python3."
        code.validator = validate_not_engine("the Python interpreter that GPAW is installed for")
        spec.input(
            "settings",
            valid_type=Dict,
            default=lambda: Dict({}),
            validator=parsed_by(cls.SETTINGS.parse, "settings"),
            help=cls.SETTINGS_HELP,
        )

    def prepare(self) -> None:
        """Store what all jobs share: the script and the settings file."""
        super().prepare()
        self.ctx.script = SinglefileData(SCRIPT).store().pk
        self.ctx.settings = call_once(self, "settings", write_json, settings=self.script_settings()).pk

    def all_settings(self) -> Dict:
        """The settings given, completed by the defaults."""
        return Dict({**self.SETTINGS.defaults(), **self.inputs.settings.get_dict()})

    def script_settings(self) -> Dict:
        """What the script reads: the settings, and whatever else a subclass has among its inputs."""
        return self.all_settings()

    def submit_chunk(self, label: str, start: int, stop: int) -> ProcessNode:
        """Submit ``python3 gpaw_frames.py population.extxyz settings.json result.extxyz START STOP``."""
        options = {**DEFAULT_OPTIONS, **(self.inputs.options.get_dict() if "options" in self.inputs else {})}
        inputs = {
            "code": self.inputs.code,
            "arguments": ["{script}", "{frames}", "{settings}", RESULT_FILE, str(start), str(stop)],
            "nodes": {
                "script": load_node(self.ctx.script),
                "frames": self.inputs.population,
                "settings": load_node(self.ctx.settings),
            },
            "outputs": [RESULT_FILE],
            "metadata": {"options": {**options, "redirect_stderr": True}},
        }
        return submit_once(self, label, ShellJob, inputs)

    def left_from(self, child: ProcessNode, start: int, stop: int) -> int | None:
        """What the script had not written when it was killed."""
        if child.is_finished_ok:
            return None
        result = self.result_of(child)
        frames = [] if result is None else complete_frames(result.get_content(mode="r"))
        done = {int(frame.info["index"]) for frame in frames}
        return next((index for index in range(start, stop) if index not in done), None)

    def result_of(self, child: ProcessNode) -> Data | None:
        """The file of a job, also where it was killed half-way."""
        if RESULT_LINK not in child.outputs:
            return None
        return child.outputs[RESULT_LINK]
