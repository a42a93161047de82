"""What a schema has against a user's keys: for each problem a field and a fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .errors import InputError

TEXT_OR_NUMBER = ("str", "int", "float")
"""What pydantic adds to the place of a value that may be a text or a number, for each of them."""

RANGES = ("formula_units", "composition.")
UNKNOWN = "unknown key"
WHOLE = "INPUT.yaml"
"""The place of what is wrong with all keys together."""


def problems_of(model: type[BaseModel], error: ValidationError) -> list[InputError]:
    """All problems, unknown keys first: a key that is missing may be one of these."""
    found = _distinct(_problem(model, details) for details in error.errors())
    return sorted(found, key=lambda problem: problem.problem != UNKNOWN)


def within(prefix: str, error: InputError) -> InputError:
    """The error of a part, seen from the whole: ``population`` becomes ``search.population``."""
    place = ".".join(part for part in (prefix, error.argument) if part not in ("", WHOLE))
    return InputError(place or WHOLE, error.problem, error.fix)


def _problem(model: type[BaseModel], details: ErrorDetails) -> InputError:
    location = [str(part) for part in details["loc"]]
    if location and location[-1] in TEXT_OR_NUMBER:
        field = ".".join(location[:-1])
        ranged = field.removeprefix("search.").startswith(RANGES)
        fix = "give a number such as 4, or a range such as 0-8" if ranged else "give a name, a file or a PK"
        return InputError(field, f"{details['input']!r} is not possible", fix)
    field = ".".join(location) or WHOLE
    message = details["msg"].removeprefix("Value error, ")
    match details["type"]:
        case "extra_forbidden":
            section = _section(model, location[:-1])
            return InputError(field, UNKNOWN, _spelling(location[-1], section) if section else "remove it")
        case "missing":
            return InputError(field, "missing", "add this key")
        case "value_error":
            cause = details["ctx"]["error"]
            if isinstance(cause, InputError):
                return InputError(_place(model, location, cause.argument), cause.problem, cause.fix)
            plain = isinstance(details["input"], str | int | float)
            return InputError(field, f"{details['input']!r}: {message}" if plain else message, "correct this value")
        case _:
            expected = re.sub("a valid dictionary.*", "a group of keys", message.split(", unable")[0])
            return InputError(field, f"{details['input']!r} is not possible", expected[:1].lower() + expected[1:])


def _distinct(problems: Iterable[InputError]) -> list[InputError]:
    """One problem for each thing that is wrong: a value that fits neither of two types is one wrong value."""
    return list({(problem.argument, problem.problem): problem for problem in problems}.values())


def _place(model: type[BaseModel], location: list[str], argument: str) -> str:
    """Where a validator's own complaint belongs: what it names itself, if that lies in the field it was about."""
    field = ".".join(location)
    if not field or argument.startswith(f"{field}."):
        return argument
    if argument.startswith(f"{location[-1]}."):
        return ".".join([*location[:-1], argument])
    section = _section(model, location)
    known = section is not None and argument.partition(".")[0] in section.model_fields
    return f"{field}.{argument}" if known else field


def _section(model: type[BaseModel], location: list[str]) -> type[BaseModel] | None:
    """The group of keys at a place of an input file."""
    for part in location:
        if part.isdigit():
            continue
        inner = _group(model, part)
        if inner is None:
            return None
        model = inner
    return model


def _group(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The group of keys that a key holds, None where it holds a value."""
    field = model.model_fields.get(key)
    if field is None:
        return None
    choices = [field.annotation, *get_args(field.annotation)]
    return next((choice for choice in choices if isinstance(choice, type) and issubclass(choice, BaseModel)), None)


def _spelling(key: str, model: type[BaseModel]) -> str:
    """Where an unknown key belongs, or which key may be meant."""
    known = list(model.model_fields)
    for name in known:
        inner = _group(model, name)
        if inner is not None and key in inner.model_fields:
            return f"did you mean {name}.{key}?"
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"remove it; the keys are {', '.join(known)}" if known else "remove it"
