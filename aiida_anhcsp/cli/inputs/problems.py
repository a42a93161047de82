"""What is wrong with an input file: one line for each problem, naming the field and the fix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ...engine.errors import InputError
from ...engine.refusals import problems_of
from ...engine.yaml_file import read_mapping

Model = TypeVar("Model", bound=BaseModel)


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
        raise InvalidInputError(problems_of(model, error)) from error
