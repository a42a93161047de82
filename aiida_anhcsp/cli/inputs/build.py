"""From a validated input file to the inputs of its work chain."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiida.common.exceptions import EntryPointError
from aiida.engine import Process
from aiida.orm import Dict, Int, List, Str
from aiida.plugins import WorkflowFactory
from pydantic import BaseModel

from ...engine.errors import InputError
from .jobs import unsuited_resources
from .models import (
    ActiveInput,
    CorrectInput,
    CorrectionInput,
    CspInput,
    DftRelaxInput,
    EngineInput,
    FinetuneInput,
    HessianInput,
    LabelInput,
    LabelRunInput,
    LearningInput,
    PhaseDiagramInput,
    SearchInput,
    SearchKeys,
    SschaInput,
    SschaJobs,
    SschaOnLabelsInput,
)
from .ports import inputs_for, refused_by
from .problems import InvalidInputError, parse, read_input
from .resources import Resources


@dataclass(frozen=True)
class Run:
    """A run that is ready: its entry point, the validated input, the inputs of the process, and what is missing.

    ``downloads`` is what is missing on this machine and would be fetched by a launch.
    """

    entry_point: str
    described: BaseModel
    inputs: dict[str, Any]
    missing: list[InputError]
    downloads: list[InputError]

    @property
    def process(self) -> type[Process]:
        """The work chain."""
        chain: type[Process] = WorkflowFactory(self.entry_point)
        return chain


def prepare(kind: str, path: Path, potential: str | None = None, download: bool = True) -> Run:
    """Read and check an input file; nothing is submitted.

    :param kind: one of :data:`KINDS`
    :param potential: replaces the ``potential`` of the file
    :param download: whether a pretrained model may be fetched; if not, it is noted in ``downloads``
    :raises InvalidInputError: whatever is wrong with the file, all of it.
    """
    model, build = KINDS[kind]
    mapping = read_input(path)
    if potential is not None:
        mapping["potential"] = potential
    described = parse(model, mapping)
    resources = Resources(path.parent, download)
    entry_point, inputs = build(described, resources)
    resources.check()
    run = Run(entry_point, described, _without_none(inputs), resources.missing, resources.downloads)
    code = run.inputs.get("search", {}).get("code")
    unsuited = [refusal(described, *each) for each in unsuited_resources(run.inputs, code)]
    if unsuited:
        raise InvalidInputError(unsuited)
    if not run.missing and not run.downloads:
        ports = run.process.spec().inputs
        problem = ports.validate(ports.pre_process(dict(run.inputs)))
        if problem is not None:
            raise InvalidInputError([refusal(described, str(problem.port), problem.message)])
    return run


def refusal(described: BaseModel, port: str, message: str) -> InputError:
    """What a work chain has against its inputs, by the key of the input file that the port is.

    :param port: with full stops, beginning with ``inputs``
    """
    error = refused_by(port.removeprefix("inputs").removeprefix("."), message)
    return InputError(key_of(described, error.argument), error.problem, error.fix)


def key_of(described: BaseModel, port: str) -> str:
    """The key of the input file that a port is; what ``launch csp`` gives its search stands at the top level."""
    inner = port.removeprefix("search.")
    if inner.partition(".")[0] in {*type(described).model_fields, "settings"}:
        port = inner
    port = re.sub(r"^settings\b", SETTINGS_OF.get(type(described), "settings"), port)
    port = re.sub(r"^(learning|sscha|correction|dft_relax)\.(settings|inputs)\b", r"\1", port)
    return re.sub(r"\blabel_engine$", "label.engine", port)


def build_csp(described: CspInput, resources: Resources) -> tuple[str, dict[str, Any]]:
    """Inputs of ``anhcsp.csp``."""
    _, search = build_search(described, resources)
    inputs: dict[str, Any] = {"search": search, "sscha": sscha_inputs(described.sscha, resources)}
    if "dft_relax" in search:
        inputs["dft_relax"] = search.pop("dft_relax")
    if described.correction is not None:
        inputs["correction"] = correction_inputs(described.correction, resources)
    if described.pressures is not None:
        inputs["pressures"] = List(described.pressures)
    if described.finetune is not None:
        inputs["finetune"] = Dict(described.finetune.model_dump(exclude_none=True))
    if described.production is not None:
        inputs["production"] = Dict(described.production.model_dump())
    return "anhcsp.csp", inputs


def sscha_inputs(described: SschaJobs, resources: Resources) -> dict[str, Any]:
    """The namespace ``sscha`` of a work chain that takes many structures through it."""
    inputs: dict[str, Any] = {"settings": Dict(described.settings), "max_concurrent": described.max_concurrent}
    if described.code is not None:
        inputs["code"] = resources.code("sscha.code", described.code)
    if described.options:
        inputs["options"] = Dict(described.options)
    return inputs


def build_search(described: SearchKeys, resources: Resources) -> tuple[str, dict[str, Any]]:
    """Inputs of ``anhcsp.search``."""
    inputs = engine_inputs(described, resources)
    inputs["settings"] = Dict(described.search.model_dump(exclude_none=True))
    if described.potential is not None:
        inputs["potential"] = resources.potential("potential", described.potential)
        note_elements(described, inputs["potential"], resources)
    if described.seeds is not None:
        inputs["seeds"] = resources.seeds("seeds", described.seeds)
    if described.target is not None:
        inputs["target"] = resources.structure("target", described.target)
    if described.chunk_size is not None:
        inputs["chunk_size"] = Int(described.chunk_size)
    if described.learning is not None:
        inputs["learning"] = learning_inputs(described.learning, resources)
    if described.dft_relax is not None:
        inputs["dft_relax"] = dft_relax_inputs(described.dft_relax, resources)
    if isinstance(described, SearchInput) and described.sscha is not None:
        inputs["sscha"] = sscha_inputs(described.sscha, resources)
    return "anhcsp.search", inputs


def build_label(described: LabelRunInput, resources: Resources) -> tuple[str, dict[str, Any]]:
    """Inputs of the label work chain that the file names."""
    inputs = label_inputs(described.label, "label", resources)
    inputs["population"] = resources.population("population", described.population)
    return described.label.entry_point, inputs


def build_finetune(described: FinetuneInput, resources: Resources) -> tuple[str, dict[str, Any]]:
    """Inputs of ``anhcsp.finetune``."""
    inputs = engine_inputs(described, resources)
    inputs["dataset"] = resources.population("dataset", described.dataset)
    inputs["settings"] = Dict(described.train.model_dump(exclude_none=True))
    if described.potential is not None:
        inputs["potential"] = resources.potential("potential", described.potential)
    if described.new is not None:
        inputs["new"] = Str(described.new)
    return "anhcsp.finetune", inputs


def build_sscha(described: SschaInput, resources: Resources) -> tuple[str, dict[str, Any]]:
    """Inputs of ``anhcsp.sscha``."""
    inputs = engine_inputs(described, resources)
    inputs["structure"] = resources.structure("structure", described.structure)
    inputs["potential"] = resources.potential("potential", described.potential)
    inputs["settings"] = Dict(described.sscha.model_dump(exclude_none=True))
    resources.check_stages("sscha.stages", described.sscha, inputs["structure"], inputs["potential"])
    return "anhcsp.sscha", inputs


def build_active(described: ActiveInput, resources: Resources) -> tuple[str, dict[str, Any]]:
    """Inputs of ``anhcsp.active_sscha``, or of ``anhcsp.active_library`` where there are several structures."""
    inputs = engine_inputs(described, resources)
    inputs["settings"] = Dict(described.active.model_dump(exclude_none=True))
    inputs["label_engine"] = Str(described.label.entry_point)
    inputs["label"] = label_inputs(described.label, "label", resources)
    inputs["library"] = {
        name: {
            "potential": resources.potential(f"library.{name}.potential", member.potential),
            "dataset": resources.population(f"library.{name}.dataset", member.dataset),
        }
        for name, member in described.library.items()
    }
    if described.structure is not None:
        inputs["structure"] = resources.structure("structure", described.structure)
        return "anhcsp.active_sscha", inputs
    assert described.structures is not None
    inputs["structures"] = resources.population("structures", described.structures)
    inputs["max_concurrent"] = described.max_concurrent
    inputs["repeat"] = None if described.repeat is None else Int(described.repeat)
    if described.correction is not None:
        inputs["correction"] = correction_inputs(described.correction, resources)
    return "anhcsp.active_library", inputs


def correction_inputs(described: CorrectionInput, resources: Resources) -> dict[str, Any]:
    """Settings and labels of a correction."""
    return {
        "settings": Dict(described.settings),
        "label_engine": Str(described.label.entry_point),
        "label": label_inputs(described.label, "correction.label", resources),
    }


def build_correct(described: CorrectInput, resources: Resources) -> tuple[str, dict[str, Any]]:
    """Inputs of ``anhcsp.correct``."""
    inputs = {**engine_inputs(described, resources), **correction_inputs(described.correction, resources)}
    run = resources.sscha_run("sscha", described.sscha)
    if run is not None:
        inputs |= {name: run.outputs[name] for name in ("result", "dynamical_matrices", "audit")}
        inputs |= {"potential": run.inputs.potential, "sscha": run.inputs.settings}
    return "anhcsp.correct", inputs


def build_hessian(described: HessianInput, resources: Resources) -> tuple[str, dict[str, Any]]:
    """Inputs of ``anhcsp.hessian``."""
    inputs = engine_inputs(described, resources)
    inputs["settings"] = Dict(described.hessian.model_dump())
    run = resources.sscha_run("sscha", described.sscha)
    if run is not None:
        inputs |= {"dynamical_matrices": run.outputs.dynamical_matrices, "potential": run.inputs.potential}
    return "anhcsp.hessian", inputs


def build_sscha_on_labels(described: SschaOnLabelsInput, resources: Resources) -> tuple[str, dict[str, Any]]:
    """Inputs of ``anhcsp.sscha_on_labels``."""
    inputs = engine_inputs(described, resources)
    inputs["settings"] = Dict(described.population.model_dump())
    inputs["label_engine"] = Str(described.label.entry_point)
    inputs["label"] = label_inputs(described.label, "label", resources)
    run = resources.sscha_run("start", described.start)
    if run is not None:
        inputs |= {"start": run.outputs.dynamical_matrices, "potential": run.inputs.potential}
    return "anhcsp.sscha_on_labels", inputs


def build_phase_diagram(described: PhaseDiagramInput, resources: Resources) -> tuple[str, dict[str, Any]]:
    """Inputs of ``anhcsp.phase_diagram``."""
    inputs = engine_inputs(described, resources)
    inputs["structures"] = resources.population("structures", described.structures)
    inputs["potential"] = resources.potential("potential", described.potential)
    inputs["settings"] = Dict(described.phase_diagram.settings)
    inputs["max_concurrent"] = described.phase_diagram.max_concurrent
    return "anhcsp.phase_diagram", inputs


def engine_inputs(described: EngineInput, resources: Resources) -> dict[str, Any]:
    """Code, options and runtime of the engine's jobs."""
    inputs: dict[str, Any] = {
        "code": resources.code("code", described.code),
        "runtime": described.runtime.model_dump(exclude_none=True),
    }
    if described.options:
        inputs["options"] = Dict(described.options)
    return inputs


def learning_inputs(described: LearningInput, resources: Resources) -> dict[str, Any]:
    """The namespace ``learning`` of a search."""
    inputs: dict[str, Any] = {
        "settings": Dict(described.settings),
        "label_engine": Str(described.label.entry_point),
        "label": label_inputs(described.label, "learning.label", resources),
    }
    if described.dataset is not None:
        inputs["dataset"] = resources.population("learning.dataset", described.dataset)
    if described.code is not None:
        inputs["code"] = resources.code("learning.code", described.code)
    if described.options:
        inputs["options"] = Dict(described.options)
    if described.runtime is not None:
        inputs["runtime"] = described.runtime.model_dump(exclude_none=True)
    return inputs


def dft_relax_inputs(described: DftRelaxInput, resources: Resources) -> dict[str, Any]:
    """The namespace ``dft_relax`` of a search."""
    return {
        "settings": Dict({"number": described.number}),
        "engine": Str(described.entry_point),
        "inputs": label_inputs(described, "dft_relax", resources, frozenset({"pressure"})),
    }


def label_inputs(
    described: LabelInput | DftRelaxInput, field: str, resources: Resources, given: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Inputs of a label work chain, or of a DFT relaxation, without the population.

    :param given: what else the file does not say
    """
    try:
        process = WorkflowFactory(described.entry_point)
    except EntryPointError:
        names = "gpaw or vasp" if isinstance(described, DftRelaxInput) else "gpaw, vasp, ase"
        fix = f"give {names} or an entry point of verdi plugin list aiida.workflows"
        resources.problems.append(InputError(f"{field}.engine", f"no entry point {described.entry_point}", fix))
        return {}
    return inputs_for(process.spec().inputs, described.inputs, field, resources, given)


def note_elements(described: SearchKeys, potential: Any, resources: Resources) -> None:
    """Note a potential that was not made for the elements of the formula."""
    if potential is None or potential.elements is None:
        return
    foreign = sorted(set(described.search.elements) - set(potential.elements))
    if foreign:
        made_for = " ".join(potential.elements)
        resources.problems.append(
            InputError("potential", f"made for {made_for}, not for {' '.join(foreign)}", "give one that knows them")
        )


def _without_none(inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in inputs.items()
        if value is not None
    }


SETTINGS_OF: dict[type[BaseModel], str] = {
    CspInput: "search",
    SearchInput: "search",
    FinetuneInput: "train",
    SschaInput: "sscha",
    ActiveInput: "active",
    CorrectInput: "correction",
    HessianInput: "hessian",
    SschaOnLabelsInput: "population",
    PhaseDiagramInput: "phase_diagram",
}
"""The group of an input file that is the input ``settings`` of its work chain."""

KINDS: dict[str, tuple[type[BaseModel], Callable[[Any, Resources], tuple[str, dict[str, Any]]]]] = {
    "csp": (CspInput, build_csp),
    "search": (SearchInput, build_search),
    "label": (LabelRunInput, build_label),
    "finetune": (FinetuneInput, build_finetune),
    "sscha": (SschaInput, build_sscha),
    "active": (ActiveInput, build_active),
    "correct": (CorrectInput, build_correct),
    "hessian": (HessianInput, build_hessian),
    "sscha_on_labels": (SschaOnLabelsInput, build_sscha_on_labels),
    "phase_diagram": (PhaseDiagramInput, build_phase_diagram),
}
