"""Labels by Quantum ESPRESSO's pw.x, through aiida-shell: all that another DFT code costs is a file like this one."""

from __future__ import annotations

import io
import math
from typing import Any

from aiida.engine import ProcessSpec, calcfunction
from aiida.orm import Data, Dict, Int, ProcessNode, SinglefileData
from aiida_shell import ShellJob
from ase.io import read, write

from ...calculations.base import known_keys
from ...calculations.functions.labels import labelled_population
from ...data.population import PopulationData
from ...engine.frames import bare
from ..ports import validate_not_engine
from ..protocols.mixin import merged
from ..protocols.references import LabelProtocol
from ..submission import call_once, failed_by_itself, submit_once
from .base import LabelWorkChain

DEFAULTS: dict[str, Any] = {
    "kpoints_spacing": 0.3,
    "system": {
        "ecutwfc": 40.0,
        "occupations": "smearing",
        "smearing": "fermi-dirac",
        "degauss": 0.00735,
        "nosym": True,
    },
    "electrons": {"conv_thr": 1e-8},
}
ENDINGS = ("JOB DONE.", "Error in routine")
"""One of them is in every output of pw.x that was not cut short."""

OPTIONS: dict[str, Any] = {
    "resources": {"num_machines": 1, "num_mpiprocs_per_machine": 1},
    "withmpi": False,
    "environment_variables": {"OMP_NUM_THREADS": "1"},
}


@calcfunction
def pw_input(population: PopulationData, index: Int, settings: Dict, files: Dict) -> SinglefileData:
    """Input of pw.x for the structure at ``index``; ``files`` are names of pseudopotentials by element."""
    keys = settings.get_dict()
    control = {"calculation": "scf", "pseudo_dir": ".", "outdir": ".", "tprnfor": True, "tstress": True}
    text = io.StringIO()
    write(
        text,
        bare(population.get_frames()[index.value]),
        format="espresso-in",
        input_data={"control": control, "system": keys["system"], "electrons": keys["electrons"]},
        pseudopotentials=files.get_dict(),
        kspacing=keys["kpoints_spacing"] / (2 * math.pi),
    )
    return SinglefileData.from_string(text.getvalue(), "pw.in")


@calcfunction
def collect_pw(population: PopulationData, settings: Dict, jobs: Dict, **outputs: SinglefileData) -> dict[str, Any]:
    """Labels from the outputs of pw.x: the energy is the free energy, which forces and stress derive from.

    :param jobs: by job: ``start`` and ``stop`` (its frame) and, where it failed, ``failure``
    :return: ``population`` (labelled structures in order; absent if there is none) and ``report``
    """
    keys, results = jobs.get_dict(), {}
    for name, output in outputs.items():
        try:
            results[keys[name]["start"]] = read(io.StringIO(output.get_content(mode="r")), format="espresso-out")
        except Exception as error:  # whatever ASE's reader trips over, it costs this one label
            keys[name].setdefault("failure", f"its output cannot be read ({type(error).__name__}: {error})")
    return labelled_population(population, results, Dict(keys), "espresso", settings.get_dict())


class EspressoLabelWorkChain(LabelProtocol, LabelWorkChain):
    """Energies (free energies, which the forces derive from), forces and stresses by Quantum ESPRESSO's pw.x."""

    PROTOCOL_FILE = "label.espresso.yaml"

    @classmethod
    def define(cls, spec: ProcessSpec) -> None:
        super().define(spec)
        del spec.inputs["chunk_size"]
        spec.inputs["code"].help = "The program pw.x."
        spec.inputs["code"].validator = validate_not_engine("the program pw.x")
        spec.input_namespace(
            "pseudopotentials", dynamic=True, valid_type=SinglefileData, help="UPF file of each element."
        )
        spec.input(
            "settings",
            valid_type=Dict,
            default=lambda: Dict({}),
            validator=known_keys("settings", *DEFAULTS),
            help="kpoints_spacing (1/angstrom, 2 pi included), and what completes or replaces the namelists system and "
            f"electrons of {DEFAULTS}.",
        )
        spec.inputs.validator = _a_file_for_each_element

    @property
    def chunks(self) -> list[tuple[str, int, int]]:
        """One structure in a job."""
        return [(f"structure_{index:04d}", index, index + 1) for index in range(self.inputs.population.count)]

    def files(self) -> Dict:
        """Names of the pseudopotentials in the jobs' folders."""
        return Dict({element: node.filename for element, node in self.inputs.pseudopotentials.items()})

    def pw_settings(self) -> Dict:
        """The settings given, completed by the defaults."""
        return Dict(merged(DEFAULTS, self.inputs.settings.get_dict()))

    def submit_chunk(self, label: str, start: int, stop: int) -> ProcessNode:
        """Submit ``pw.x -in pw.in`` for one structure."""
        arguments = {"population": self.inputs.population, "settings": self.pw_settings(), "files": self.files()}
        text = call_once(self, f"write_{label}", pw_input, index=Int(start), **arguments)
        options = {**OPTIONS, **(self.inputs.options.get_dict() if "options" in self.inputs else {})}
        nodes = {f"pseudo_{element}": node for element, node in self.inputs.pseudopotentials.items()}
        inputs = {
            "code": self.inputs.code,
            "arguments": ["-in", "{input}"],
            "nodes": {"input": text, **nodes},
            "metadata": {"options": options},
        }
        return submit_once(self, label, ShellJob, inputs)

    def left_from(self, child: ProcessNode, start: int, stop: int) -> int | None:
        """The structure, where pw.x was killed before it came to an end."""
        return start if was_cut_short(child) else None

    def result_of(self, child: ProcessNode) -> Data | None:
        """What pw.x wrote, where it came to an end."""
        return child.outputs.stdout if "stdout" in child.outputs and not was_cut_short(child) else None

    def join(self, jobs: Dict, results: dict[str, Data], metadata: dict[str, str]) -> dict[str, Data]:
        """Join the labels of all jobs to the structures; the pseudopotentials are part of their settings."""
        hashes = {f"pseudo_{element}": node.base.repository.hash() for element, node in self.pseudopotentials()}
        settings = Dict({**self.pw_settings().get_dict(), **hashes})
        joined: dict[str, Data] = collect_pw(
            population=self.inputs.population, settings=settings, jobs=jobs, **results, metadata=metadata
        )
        return joined

    def pseudopotentials(self) -> list[tuple[str, SinglefileData]]:
        """Elements and their files, in order."""
        return sorted(self.inputs.pseudopotentials.items())


def was_cut_short(job: ProcessNode) -> bool:
    """Whether pw.x neither ended nor stopped at an error of its own."""
    if job.is_finished_ok or failed_by_itself(job):
        return False
    text = job.outputs.stdout.get_content(mode="r") if "stdout" in job.outputs else ""
    return not any(ending in text for ending in ENDINGS)


def _a_file_for_each_element(inputs: dict[str, Any], _: Any) -> str | None:
    if "population" not in inputs:
        return None
    elements = {symbol for frame in inputs["population"].get_frames() for symbol in frame.symbols}
    missing = sorted(elements - set(inputs.get("pseudopotentials", {})))
    return f"pseudopotentials: none for {', '.join(missing)}; give its UPF file" if missing else None
