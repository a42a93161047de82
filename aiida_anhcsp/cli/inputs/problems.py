"""What is wrong with an input file: one line for each problem, naming the field and the fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ...engine.errors import InputError
from ...engine.yaml_file import read_mapping

Model = TypeVar("Model", bound=BaseModel)


NAMED = re.compile(r"(?P<port>[\w-]+(\.[\w-]+)*): (?P<text>.*)", re.DOTALL)
"""A message that begins with the port it is about."""
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


def read_input(path: Path) -> dict[str, Any]:
    """The keys of an input file.

    :raises InvalidInputError: no such file, no YAML, no mapping, or a key that is given twice.
    """
    try:
        return read_mapping(path, "INPUT.yaml")
    except InputError as error:
        raise InvalidInputError([error]) from error


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


def refusal(described: BaseModel, port: str, message: str) -> InputError:
    """What a work chain has against its inputs, by the key of the input file that the port is.

    :param port: with full stops; of a namespace the message names the port inside
    """
    above, _, last = port.rpartition(".")
    named = NAMED.match(message)
    if named is None:
        place, text = port, message
    else:
        inside, text = named["port"], named["text"]
        place = f"{above}.{inside}" if inside.partition(".")[0] == last else f"{port}.{inside}"
    problem, _, fix = text.partition("; ")
    return InputError(_key(described, place.removeprefix(".")), problem, fix or "correct it in the input file")


def _key(described: BaseModel, port: str) -> str:
    """What the input file calls a port.

    The keys of ``settings`` stand in the section itself, and what ``launch csp`` gives its search at the top level.
    """
    port = port.removeprefix("inputs.").replace("dft_relax.inputs.", "dft_relax.")
    before, found, key = f".{port}".partition(".settings.")
    sections = [before.removeprefix(".")] if before else list(type(described).model_fields)
    for name in sections if found else []:
        section = getattr(described, name, None)
        if isinstance(section, BaseModel) and key.partition(".")[0] in type(section).model_fields:
            return f"{name}.{key}"
    inner = port.removeprefix("search.")
    return inner if inner.partition(".")[0] in type(described).model_fields else port


def _problem(model: type[BaseModel], details: ErrorDetails) -> InputError:
    location = [str(part) for part in details["loc"]]
    if location and location[-1] in NAME_OR_NUMBER:
        field = ".".join(location[:-1])
        return InputError(field, f"{details['input']!r} is not possible", "give a name, a file or a PK")
    field = ".".join(location) or "INPUT.yaml"
    message = details["msg"].removeprefix("Value error, ")
    match details["type"]:
        case "extra_forbidden":
            section = _section(model, location[:-1])
            return InputError(field, "unknown key", _spelling(location[-1], section) if section else "remove it")
        case "missing":
            return InputError(field, "missing", "add this key")
        case "value_error":
            cause = details["ctx"]["error"]
            if isinstance(cause, InputError):
                return InputError(_place(model, location, cause.argument), cause.problem, cause.fix)
            return InputError(field, f"{details['input']!r}: {message}", "correct this value")
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
    section = _section(model, location)
    known = section is not None and argument.partition(".")[0] in section.model_fields
    return f"{field}.{argument}" if known else field


def _section(model: type[BaseModel], location: list[str]) -> type[BaseModel] | None:
    """The group of keys at a place of an input file."""
    for part in location:
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
