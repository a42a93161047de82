"""Potentials that input files name."""

from __future__ import annotations

from pathlib import Path

from aiida.common.exceptions import NotExistent
from aiida.orm import QueryBuilder, load_node

from ...data.potential import PotentialData
from ...engine.errors import InputError
from ...engine.potentials.resolve import PRETRAINED
from ...engine.potentials.specification import parse_specification

FIX = "give a specification such as mattersim:FILE, or a PK or label of aiida-anhcsp potential list"


def from_specification(specification: str, field: str) -> PotentialData:
    """The node of an engine specification: the stored one if there is one with the same file, else an unstored one.

    :raises InputError: the specification is malformed, or names no file that holds a potential.
    """
    try:
        node = PotentialData.from_specification(specification)
    except InputError as error:
        raise InputError(field, error.problem, error.fix) from error
    same = {"attributes.kind": node.kind, "attributes.sha256": node.base.attributes.get("sha256")}
    stored: PotentialData | None = QueryBuilder().append(PotentialData, filters=same).first(flat=True)
    return node if stored is None else stored


def find_potential(value: str | int, field: str) -> PotentialData:
    """The potential an input file names, stored or not: PK, UUID, label, specification or MatterSim name.

    :raises InputError: there is none, or it does not load.
    """
    if isinstance(value, str):
        labelled = (
            QueryBuilder().append(PotentialData, filters={"label": value}).order_by({PotentialData: {"id": "desc"}})
        )
        newest: PotentialData | None = labelled.first(flat=True)
        if newest is not None:
            return newest
        specification = as_specification(value)
        if specification is not None:
            return from_specification(specification, field)
    try:
        node = load_node(value)
    except (NotExistent, ValueError) as error:
        raise InputError(field, f"no potential {value!r}", FIX) from error
    if not isinstance(node, PotentialData):
        raise InputError(field, f"node {value} is no potential but {node.class_node_type}", FIX)
    return node


def as_specification(value: str) -> str | None:
    """The engine specification that a text means, or None if it is none: a bare MatterSim name is one."""
    if ":" in value:
        return value
    return f"mattersim:{value}" if value.lower() in PRETRAINED else None


def is_within_reach(value: str | int) -> bool:
    """False for a pretrained model by name that would have to be downloaded first."""
    specification = as_specification(value) if isinstance(value, str) else None
    if specification is None:
        return True
    parsed = parse_specification(specification, "potential")
    if parsed.kind != "mattersim" or parsed.target.lower() not in PRETRAINED:
        return True
    cache = Path("~/.local/mattersim/pretrained_models").expanduser()
    return (cache / PRETRAINED[parsed.target.lower()]).is_file()
