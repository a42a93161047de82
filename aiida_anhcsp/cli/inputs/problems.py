"""What is wrong with an input file: one line for each problem, naming the field and the fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ...engine.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


NAME_OR_NUMBER = ("str", "int")
"""What pydantic adds to the place of a value that may be a text or a number, for each of them."""


class InvalidInputError(Exception):
    """An input file with problems, all of them; its text has one line for each."""

    def __init__(self, problems: Iterable[InputError]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Section(BaseModel):
    """A group of keys of an input file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def read_mapping(path: Path) -> dict[str, Any]:
    """The keys of a YAML file.

    :raises InvalidInputError: no such file, no YAML, or no mapping.
    """
    if not path.is_file():
        raise InvalidInputError([InputError("INPUT.yaml", f"no file {path}", "give the path of an input file")])
    try:
        mapping = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            [InputError("INPUT.yaml", f"{path} is no YAML ({error})", "correct it there")]
        ) from error
    if not isinstance(mapping, dict):
        raise InvalidInputError([InputError("INPUT.yaml", f"{path} holds no keys", "write KEY: VALUE lines")])
    return mapping


def parse(model: type[Model], mapping: Mapping[str, Any]) -> Model:
    """A validated input.

    :raises InvalidInputError: unknown or missing keys, or values that are out of range.
    """
    try:
        return model.model_validate(dict(mapping))
    except ValidationError as error:
        raise InvalidInputError(_distinct(_problem(model, details) for details in error.errors())) from error


def within(prefix: str, error: InputError) -> InputError:
    """The error of a part, seen from the whole: ``population`` becomes ``search.population``."""
    return InputError(f"{prefix}.{error.argument}", error.problem, error.fix)


def _problem(model: type[BaseModel], details: ErrorDetails) -> InputError:
    location = [str(part) for part in details["loc"]]
    if location and location[-1] in NAME_OR_NUMBER:
        field = ".".join(location[:-1])
        return InputError(field, f"{details['input']!r} is not possible", "give a name, a file or a PK")
    field = ".".join(location) or "INPUT.yaml"
    message = details["msg"].removeprefix("Value error, ")
    match details["type"]:
        case "extra_forbidden":
            return InputError(field, "unknown key", _spelling(location[-1], _keys(model, location[:-1])))
        case "missing":
            return InputError(field, "missing", "add this key")
        case "value_error":
            cause = details["ctx"]["error"]
            if isinstance(cause, InputError):
                return InputError(_place(field, cause.argument), cause.problem, cause.fix)
            return InputError(field, f"{details['input']!r}: {message}", "correct this value")
        case _:
            expected = re.sub("a valid dictionary.*", "a group of keys", message.split(", unable")[0])
            return InputError(field, f"{details['input']!r} is not possible", expected[:1].lower() + expected[1:])


def _distinct(problems: Iterable[InputError]) -> list[InputError]:
    """One problem for each thing that is wrong: a value that fits neither of two types is one wrong value."""
    return list({(problem.argument, problem.problem): problem for problem in problems}.values())


def _place(field: str, argument: str) -> str:
    """Where a validator's own complaint belongs: what it names itself, if that lies in the field it was about."""
    return argument if field == "INPUT.yaml" or argument.startswith(f"{field}.") else field


def _keys(model: type[BaseModel], location: list[str]) -> list[str]:
    for part in location:
        field = model.model_fields.get(part)
        if field is None:
            return []
        choices = [field.annotation, *get_args(field.annotation)]
        sections = [choice for choice in choices if isinstance(choice, type) and issubclass(choice, BaseModel)]
        if not sections:
            return []
        model = sections[0]
    return list(model.model_fields)


def _spelling(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"remove it; the keys are {', '.join(known)}" if known else "remove it"
