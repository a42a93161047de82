"""The program, run in the test's own process on a temporary profile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result


@pytest.fixture
def program(aiida_profile_clean: Any) -> Callable[..., Result]:
    """``verdi data anhcsp`` with these arguments."""
    from aiida_anhcsp.cli.main import command

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(command, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def write_input(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Write the keys of an input file."""

    def write(keys: dict[str, Any]) -> Path:
        path = tmp_path / "input.yaml"
        path.write_text(yaml.safe_dump(keys))
        return path

    return write


@pytest.fixture
def ready(program: Callable, tmp_path: Path, learner: Any) -> Callable:
    """The program on a profile with the codes of this machine and a potential that can be trained."""
    assert program("setup", "--work-dir", tmp_path / "work").exit_code == 0
    learner.label = "learner"
    learner.store()
    return program
