"""Plain values of an input file as the nodes that a port takes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from aiida.engine import InputPort, PortNamespace
from aiida.orm import AbstractCode, Bool, Dict, Float, Int, List, SinglefileData, Str

from ...data.population import PopulationData
from ...data.potential import PotentialData
from ...engine.errors import InputError
from .resources import Resources

SIMPLE = {Bool: bool, Int: int, Float: float, Str: str, Dict: dict, List: list}
SIMPLE_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    dict: "a group of keys",
    list: "a list",
}
SET_ELSEWHERE = {"metadata", "population"}
SET_UP_PER_MACHINE = {"potential_family"}
"""Ports whose validators ask for something to be installed, which a plan can do without."""


def inputs_for(
    ports: PortNamespace,
    values: Mapping[str, Any],
    field: str,
    resources: Resources,
    given: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Inputs of a process from the values of an input file.

    Unknown names, missing ones and values of the wrong type are noted in ``resources``; so is what a port's own
    validator says.

    :param field: where in the input file the values stand
    :param given: ports that the file does not fill, beside :data:`SET_ELSEWHERE`
    """
    known = [name for name in ports if name not in SET_ELSEWHERE | given]
    inputs: dict[str, Any] = {}
    for name, value in values.items():
        where = f"{field}.{name}"
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            fix = f"did you mean {close[0]}?" if close else f"remove it; the keys are {', '.join(known)}"
            resources.problems.append(InputError(where, "unknown key", fix))
        elif isinstance(ports[name], PortNamespace):
            if isinstance(value, Mapping) and not ports[name].dynamic:
                inputs[name] = inputs_for(ports[name], value, where, resources)
            elif isinstance(value, Mapping) and ports[name].valid_type is SinglefileData:
                inputs[name] = {key: resources.file(f"{where}.{key}", path) for key, path in value.items()}
            else:
                inputs[name] = value
        else:
            node = node_for(ports[name], value, where, resources)
            if node is not None:
                inputs[name] = node
                _note_validation(name, ports[name], node, where, resources)
    for name in known:
        port = ports[name]
        if name not in values and not isinstance(port, PortNamespace) and port.required and not port.has_default():
            resources.problems.append(InputError(f"{field}.{name}", "missing", f"add it: {port.help or name}"))
    return inputs


def node_for(port: InputPort, value: Any, field: str, resources: Resources) -> Any:
    """One value as what the port takes, or None when that could not be made (``resources`` knows why)."""
    types = port.valid_type if isinstance(port.valid_type, tuple) else (port.valid_type,)
    if any(isinstance(kind, type) and issubclass(kind, AbstractCode) for kind in types):
        return resources.code(field, value)
    if PotentialData in types:
        return resources.potential(field, value)
    if PopulationData in types:
        return resources.population(field, value)
    for kind in types:
        plain = SIMPLE.get(kind)
        if plain is None:
            continue
        if isinstance(value, plain) and not (isinstance(value, bool) and plain is not bool):
            return kind(value)
        if plain is float and isinstance(value, int):
            return kind(float(value))
        resources.problems.append(InputError(field, f"{value!r} is not possible", f"give {SIMPLE_NAMES[plain]}"))
        return None
    return value


def _note_validation(name: str, port: InputPort, node: Any, field: str, resources: Resources) -> None:
    complaint = port.validate(node)
    if complaint is not None:
        noted = resources.missing if name in SET_UP_PER_MACHINE else resources.problems
        noted.append(refused_by(field, complaint.message))


def refused_by(port: str, message: str) -> InputError:
    """What a validator says of a port, ``field: problem; fix``, with the field as seen from outside the port.

    :param port: with full stops, "" for all inputs together
    """
    *outer, last = port.split(".")
    named, colon, said = message.partition(": ")
    if not colon or re.fullmatch(r"\w[\w.]*", named) is None:
        named, said = "", message
    inside = outer if named.partition(".")[0] == last else [port]
    problem, _, fix = said.partition("; ")
    place = ".".join(part for part in (*inside, named) if part)
    return InputError(place, problem, fix or "correct it in the input file")
