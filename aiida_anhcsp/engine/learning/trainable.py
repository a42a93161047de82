"""What can be trained, told from its specification alone: light, so that it is asked before anything is labelled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ase.data import atomic_numbers

from ..errors import InputError
from ..potentials.specification import Specification, parse_specification

TRAINABLE = ("mattersim", "mtp")
MTP_LEVELS = tuple(range(2, 26, 2))
MTP_OPTIONS = ("level", "cutoff", "elements", "minimum_distance", "radial_basis_size")
M3GNET_DEFAULTS = {
    "num_blocks": 4,
    "units": 128,
    "max_l": 4,
    "max_n": 4,
    "cutoff": 5.0,
    "max_z": 94,
    "threebody_cutoff": 4.0,
}
"""Of the arguments of MatterSim's ``M3Gnet`` that a new model may be given."""


@dataclass(frozen=True)
class NewMtp:
    """An MTP to be made: ``cutoff`` and ``minimum_distance`` in angstrom; what is None comes from the frames."""

    level: int
    cutoff: float
    elements: tuple[str, ...] | None
    minimum_distance: float | None
    radial_basis_size: int


def parse_to_train(text: str, argument: str = "--potential") -> Specification:
    """Take the specification of what is to be trained apart.

    :raises InputError: malformed, of a kind that cannot be trained, or a new potential with options that make none
    """
    parsed = parse_specification(text, argument)
    require_trainable(parsed.kind, argument)
    if parsed.is_new:
        (new_mtp_options if parsed.kind == "mtp" else new_m3gnet_options)(parsed.options, argument)
    return parsed


def parse_new(text: str, argument: str, species: Collection[str] = ()) -> Specification:
    """Take the specification of a potential to be trained from nothing apart.

    :param species: chemical symbols that it will learn
    :raises InputError: as :func:`parse_to_train`, no new potential, or one of other elements
    """
    parsed = parse_to_train(text, argument)
    if not parsed.is_new:
        fix = "give mattersim:new:{json} or mtp:new:{json}, or potential instead"
        raise InputError(argument, f"{text!r} is no new potential", fix)
    if (elements := parsed.options.get("elements")) is not None:
        require_elements(elements, species, argument)
    return parsed


def require_trainable(kind: str, argument: str = "--potential") -> None:
    """Refuse a kind of potential that cannot be trained.

    :raises InputError: so it is
    """
    if kind not in TRAINABLE:
        fix = "give mattersim:... or mtp:..."
        raise InputError(argument, f"a potential of kind {kind} cannot be trained", fix)


def require_elements(elements: Collection[str], species: Collection[str], argument: str) -> None:
    """Refuse an MTP that lacks a species.

    :raises InputError: so it is
    """
    unknown = sorted(set(species) - set(elements))
    if unknown:
        raise InputError(argument, f"the potential has no {', '.join(unknown)}", "name all elements in mtp:new")


def new_mtp_options(options: Mapping[str, Any], argument: str = "--potential") -> NewMtp:
    """Options of ``mtp:new``: ``level`` (default 8), ``cutoff`` (default 5 angstrom), ``elements`` and
    ``minimum_distance`` (default: those of the frames), ``radial_basis_size`` (default 8).

    :raises InputError: an unknown option, or a value that makes no basis
    """
    _refuse_unknown(options, MTP_OPTIONS, argument)
    level, elements = options.get("level", 8), options.get("elements")
    if level not in MTP_LEVELS:
        raise InputError(argument, f"level is {level!r}", f"give one of {', '.join(map(str, MTP_LEVELS))}")
    if elements is not None and (
        not isinstance(elements, list) or not elements or not all(element in atomic_numbers for element in elements)
    ):
        raise InputError(argument, f"elements are {elements!r}", 'give chemical symbols, such as ["H", "S"]')
    cutoff = _positive("cutoff", options.get("cutoff", 5.0), argument)
    size = _positive("radial_basis_size", options.get("radial_basis_size", 8), argument, whole=True)
    shortest = options.get("minimum_distance")
    if shortest is not None:
        require_range(_positive("minimum_distance", shortest, argument), cutoff, argument)
    return NewMtp(
        level=int(level),
        cutoff=float(cutoff),
        elements=None if elements is None else tuple(elements),
        minimum_distance=None if shortest is None else float(shortest),
        radial_basis_size=int(size),
    )


def require_range(shortest: float, cutoff: float, argument: str) -> None:
    """Refuse distances (angstrom) between which there is no radial basis.

    :raises InputError: so it is
    """
    if not 0 < shortest < cutoff:
        problem = f"distances from {shortest} to {cutoff} angstrom make no basis"
        raise InputError(argument, problem, "give a larger cutoff")


def new_m3gnet_options(options: Mapping[str, Any], argument: str = "--potential") -> dict[str, float]:
    """Options of ``mattersim:new``, with the defaults of those left out.

    :raises InputError: an unknown option, a value that is not possible, or a three-body cutoff beyond the cutoff
    """
    _refuse_unknown(options, M3GNET_DEFAULTS, argument)
    values = {
        name: _positive(name, options.get(name, default), argument, whole=isinstance(default, int))
        for name, default in M3GNET_DEFAULTS.items()
    }
    if values["threebody_cutoff"] > values["cutoff"]:
        raise InputError(argument, "threebody_cutoff is beyond cutoff", "give a smaller threebody_cutoff")
    return values


def _refuse_unknown(options: Mapping[str, Any], known: Collection[str], argument: str) -> None:
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise InputError(argument, f"unknown options {', '.join(unknown)}", f"options are {', '.join(known)}")


def _positive(name: str, value: Any, argument: str, whole: bool = False) -> float:
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or value <= 0:
        number = "whole number" if whole else "number"
        raise InputError(argument, f"{name} is {value!r}", f"give a positive {number} as {name}")
    return value
