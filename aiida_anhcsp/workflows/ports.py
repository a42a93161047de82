"""Ports and validators that several work chains share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import PurePath
from typing import Any

from aiida.engine import CalcJob, Process, ProcessSpec
from aiida.engine.processes.ports import InputPort, PortNamespace
from aiida.orm import AbstractCode, Data, Dict, Str, to_aiida_type
from aiida.plugins import WorkflowFactory

from ..calculations.base import at_least_one, is_engine
from ..calculations.relax import RelaxCalculation
from ..engine.errors import InputError
from ..version import ENGINE

Validator = Callable[[Any, Any], str | None]
LABEL_PREFIX = "anhcsp.label."


def parsed_by(parse: Callable[..., Any], port: str) -> Validator:
    """Validator of a Dict input: what ``parse(mapping, argument=port)`` complains about, in its own sentence."""

    def validate(value: Dict | None, _: Any) -> str | None:
        if value is None:
            return None
        try:
            parse(value.get_dict(), argument=port)
        except InputError as error:
            return str(error)
        return None

    return validate


def validate_options(value: Dict | None, _: Any) -> str | None:
    """Scheduler options that a job would refuse."""
    if value is None:
        return None
    known = CalcJob.spec().inputs["metadata"]["options"]
    for name, option in value.get_dict().items():
        if name not in known:
            return (
                f"options: unknown option {name!r}; the options are those of a CalcJob, such as resources, queue_name"
            )
        problem = known[name].validate(option)
        if problem is not None:
            return f"options: {name}: {problem.message}"
    return None


def validate_not_engine(wanted: str) -> Validator:
    """Validator of the code of a DFT program: ``anhcsp-engine`` is none."""

    def validate(value: AbstractCode | None, _: Any) -> str | None:
        if value is None or PurePath(value.get_executable()).name != ENGINE:
            return None
        return f"code: {value.full_label} is the engine of this plugin; give {wanted}"

    return validate


def define_engine(spec: ProcessSpec) -> None:
    """Add ``code``, ``runtime`` and ``options`` of the jobs that run ``anhcsp-engine``."""
    spec.expose_inputs(RelaxCalculation, include=("code", "runtime"))
    spec.input(
        "options",
        valid_type=Dict,
        required=False,
        validator=validate_options,
        help="Scheduler options of the jobs: resources, max_wallclock_seconds, queue_name, account, ... One process "
        "without a wall time limit if absent.",
    )


def define_sscha_jobs(spec: ProcessSpec, otherwise: str = "") -> None:
    """Add ``code``, ``options`` and ``max_concurrent`` to the namespace ``sscha``.

    :param otherwise: namespace, with a full stop at the end, of the code and options that hold if these are absent
    """
    spec.input(
        "sscha.code",
        valid_type=AbstractCode,
        required=False,
        validator=is_engine,
        help=f"anhcsp-engine for SSCHA; {otherwise}code if absent.",
    )
    spec.input(
        "sscha.options",
        valid_type=Dict,
        required=False,
        validator=validate_options,
        help=f"Scheduler options of the SSCHA jobs; {otherwise}options if absent.",
    )
    spec.input(
        "sscha.max_concurrent",
        valid_type=int,
        non_db=True,
        default=2,
        validator=at_least_one,
        help="SSCHA runs at a time.",
    )


def define_label(spec: ProcessSpec, namespace: str = "") -> None:
    """Add ``label_engine`` and ``label``: which label work chain, and its inputs without the population.

    :param namespace: where they go, with a full stop at the end
    """
    spec.input(
        f"{namespace}label_engine",
        valid_type=Str,
        serializer=to_aiida_type,
        validator=validate_label_engine,
        help="Entry point of the label work chain: anhcsp.label.gpaw, anhcsp.label.vasp, anhcsp.label.ase, ...",
    )
    spec.input_namespace(
        f"{namespace}label", dynamic=True, help="Inputs of the label work chain, without the population."
    )


def engine_inputs(inputs: Mapping[str, Any], process: type[Process]) -> dict[str, Any]:
    """Code, runtime, scheduler options and size of the jobs among ``inputs``, as a child of this class takes them."""
    ports = process.spec().inputs
    chosen: dict[str, Any] = {"code": inputs["code"]}
    if "runtime" in ports and "runtime" in inputs:
        chosen["runtime"] = {name: value for name, value in inputs["runtime"].items() if name in ports["runtime"]}
    if "options" in ports and "options" in inputs:
        chosen["options"] = inputs["options"]
    elif "options" in inputs:
        chosen["metadata"] = {"options": inputs["options"].get_dict()}
    if "chunk_size" in ports and "chunk_size" in inputs:
        chosen["chunk_size"] = inputs["chunk_size"]
    return chosen


def define_training(spec: ProcessSpec, namespace: str) -> None:
    """Add ``code``, ``runtime`` and ``options`` of trainings, where they differ from those of the other jobs."""
    spec.input(
        f"{namespace}.code",
        valid_type=AbstractCode,
        required=False,
        validator=is_engine,
        help="anhcsp-engine for trainings; code if absent.",
    )
    runtime = deepcopy(RelaxCalculation.spec().inputs["runtime"])
    runtime.required = runtime.populate_defaults = False
    runtime.help = "Where and how fast to train; runtime if absent."
    spec.inputs[namespace]["runtime"] = runtime
    spec.input(
        f"{namespace}.options",
        valid_type=Dict,
        required=False,
        validator=validate_options,
        help="Scheduler options of trainings; options if absent.",
    )


def validate_label_engine(value: Str | None, _: Any) -> str | None:
    """An entry point that is no label work chain."""
    return validate_entry_point(value, "label_engine", LABEL_PREFIX, "does not label")


def validate_entry_point(value: Str | None, port: str, prefix: str, lacks: str) -> str | None:
    """An entry point that does not begin with ``prefix``, or cannot be loaded."""
    if value is None:
        return None
    if not value.value.startswith(prefix):
        return f"{port}: {value.value!r} {lacks}; give an entry point such as {prefix}gpaw"
    try:
        WorkflowFactory(value.value)
    except Exception as error:
        return f"{port}: {value.value!r} cannot be loaded ({error}); verdi plugin list aiida.workflows shows all"
    return None


def validate_label_inputs(
    engine: Str, inputs: Mapping[str, Any], port: str = "label", given: tuple[str, ...] = ("population",)
) -> str | None:
    """Inputs that the label work chain named by ``engine`` would refuse, before anything is submitted.

    :param given: those that it gets from the one that calls it
    """
    ports = WorkflowFactory(engine.value).spec().inputs
    for name in inputs:
        if name not in ports or name in given:
            known = ", ".join(sorted(set(ports) - {*given, "metadata"}))
            return f"{port}.{name}: {engine.value} has no such input; its inputs are {known}"
    for name, expected in ports.items():
        if name in (*given, "metadata"):
            continue
        if name not in inputs and expected.required and not has_default(expected):
            return f"{port}.{name}: {engine.value} needs it; {expected.help or 'give it'}"
        if name in inputs:
            problem = expected.validate(inputs[name])
            if problem is not None:
                return f"{port}.{name}: {problem.message}"
    return None


def has_default(port: InputPort | PortNamespace) -> bool:
    """Whether a port, or every port that a namespace needs, has a default."""
    if isinstance(port, PortNamespace):
        return all(has_default(inner) or not inner.required for inner in port.values())
    return bool(port.has_default())


def plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A namespace of inputs as plain dictionaries, to hand on to a child."""
    return {
        name: plain(value) if isinstance(value, Mapping) and not isinstance(value, Data) else value
        for name, value in inputs.items()
    }
