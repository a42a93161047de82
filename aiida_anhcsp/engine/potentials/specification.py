"""Potential specifications: one line of text that says which potential, read without loading it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from ..errors import InputError

Kind = Literal["mattersim", "mtp", "ase", "guarded"]

NEW = "new"
FORMS = "mattersim:NAME_OR_FILE, mtp:FILE, ase:MODULE:CALLABLE[:JSON] or guarded:JSON"
GUARD = ("potential", "training", "largest_grade")
CALIBRATED_GUARD = ("potential", "training", "held_out", "largest_error")
GUARD_FILES = frozenset({"training", "held_out"})
"""Options of a guard that name files."""


@dataclass(frozen=True)
class Specification:
    """A specification taken apart.

    ``target`` is a name or file (``mattersim``, ``mtp``), ``MODULE:CALLABLE`` (``ase``) or ``new`` for a model to
    be trained from nothing; ``options`` are the keyword arguments given as JSON. ``guarded`` has the options GUARD: the
    specification of a potential, the file it was trained on, and the largest grade it is asked for; or those of
    CALIBRATED_GUARD, where a file of labelled structures that it was not trained on says which grade has the error of
    the forces (RMSE, meV/angstrom).
    """

    kind: Kind
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        """Whether a model is to be made from nothing."""
        return self.kind in ("mattersim", "mtp") and self.target == NEW


def parse_specification(text: str, argument: str = "--potential") -> Specification:
    """Take a specification apart: ``mattersim:NAME_OR_FILE``, ``mtp:FILE``, ``ase:MODULE:CALLABLE[:JSON]``,
    ``mattersim:new[:JSON]``, ``mtp:new[:JSON]``, ``guarded:JSON``.

    :raises InputError: unknown kind, missing target, or JSON that is not an object
    """
    kind, _, rest = text.partition(":")
    if kind not in get_args(Kind):
        raise InputError(argument, f"{text!r} is of no known kind", f"give {FORMS}")
    if kind == "ase":
        return _parse_ase(text, rest, argument)
    if kind == "guarded":
        return Specification("guarded", "", _guard_options(text, rest, argument))
    if not rest:
        raise InputError(argument, f"{text!r} names no potential", f"give {FORMS}")
    target, _, options = rest.partition(":")
    if target == NEW:
        return Specification(cast(Kind, kind), NEW, _parse_options(options, argument))
    return Specification(cast(Kind, kind), rest)


def _parse_ase(text: str, rest: str, argument: str) -> Specification:
    module, _, remainder = rest.partition(":")
    function, _, options = remainder.partition(":")
    if not module or not function:
        raise InputError(argument, f"{text!r} names no callable", "give ase:MODULE:CALLABLE[:JSON]")
    return Specification("ase", f"{module}:{function}", _parse_options(options, argument))


def _guard_options(text: str, rest: str, argument: str) -> dict[str, Any]:
    options = _parse_options(rest, argument)
    for keys in (GUARD, CALIBRATED_GUARD):
        if set(options) == set(keys) and isinstance(options[keys[-1]], int | float):
            return options
    fix = f"give a JSON object with {', '.join(GUARD)}, or with {', '.join(CALIBRATED_GUARD)}"
    raise InputError(argument, f"{text!r} is no guarded potential", fix)


def _parse_options(text: str, argument: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        options = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(argument, f"{text!r} is not JSON ({error})", 'give an object such as {"key": 1}') from error
    if not isinstance(options, dict):
        raise InputError(argument, f"{text!r} is not a JSON object", 'give an object such as {"key": 1}')
    return options
