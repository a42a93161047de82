"""Potentials that input files name."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from aiida.common.exceptions import NotExistent
from aiida.orm import QueryBuilder, load_node

from ...data.potential import PotentialData
from ...engine.errors import InputError
from ...engine.potentials.resolve import PRETRAINED
from ...engine.potentials.specification import Kind, parse_specification

FIX = "give a specification such as mattersim:FILE, or a PK or label of aiida-anhcsp potential list"


def from_specification(specification: str, field: str) -> PotentialData:
    """The node of an engine specification: the own stored one with the same file if there is one, else an unstored one.

    :raises InputError: the specification is malformed, or names no file that holds a potential.
    """
    try:
        node = PotentialData.from_specification(specification)
    except InputError as error:
        raise InputError(field, error.problem, error.fix) from error
    same = {"attributes.kind": node.kind, "attributes.sha256": node.base.attributes.get("sha256")}
    content = node.get_content(mode="rb")
    stored: list[PotentialData] = QueryBuilder().append(PotentialData, filters=same).all(flat=True)
    return next((each for each in stored if _is_own(each) and each.get_content(mode="rb") == content), node)


def find_potential(value: str | int, field: str) -> PotentialData:
    """The potential an input file names, stored or not: specification, MatterSim name, label, PK or UUID.

    A label may have come with an archive, so it never stands for what a text means by itself.

    :raises InputError: there is none, it does not load, or it would run code from elsewhere.
    """
    specification = as_specification(value) if isinstance(value, str) else None
    if specification is not None:
        return from_specification(specification, field)
    node = _newest_labelled(value) if isinstance(value, str) else None
    if node is None:
        try:
            node = load_node(value)
        except (NotExistent, ValueError) as error:
            raise InputError(field, f"no potential {value!r}", FIX) from error
    if not isinstance(node, PotentialData):
        raise InputError(field, f"node {value} is no potential but of the type {type(node).__name__}", FIX)
    node.require_own(field)
    return node


def _newest_labelled(label: str) -> PotentialData | None:
    labelled = QueryBuilder().append(PotentialData, filters={"label": label})
    newest: PotentialData | None = labelled.order_by({PotentialData: {"id": "desc"}}).first(flat=True)
    return newest


def _is_own(node: PotentialData) -> bool:
    try:
        node.require_own()
    except InputError:
        return False
    return True


def as_specification(value: str) -> str | None:
    """The engine specification that a text means, or None if it is none: a bare MatterSim name is one."""
    kind, colon, _ = value.partition(":")
    if colon and kind in get_args(Kind):
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
