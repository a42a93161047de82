"""The documented commands that only read a finished run, run as they are written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..docs.commands import COMMANDS, ROOT, Command
from .conftest import BIN, VARIABLE

READING = {
    "aiida-anhcsp": {"status", "ranking", "report", "query"},
    "verdi": {"process"},
}
EMT = "ase:ase.calculators.emt:EMT"
SEARCH = {"formula": "Cu3Au", "pressure": 10, "population": 4, "generations": 1, "seed": 9}


def reads_only(command: Command) -> bool:
    """Whether a command leaves the profile as it is."""
    name, *words = without_profile(command)
    return bool(words) and words[0] in READING.get(name, ())


def without_profile(command: Command) -> list[str]:
    """The words of a command for whichever profile the tests have."""
    words = list(command.words)
    if "-p" in words:
        place = words.index("-p")
        del words[place : place + 2]
    return words


@pytest.fixture(scope="module")
def finished(launch: Callable) -> Any:
    """A search that has ended."""
    settings = {**SEARCH, "relax": {"fmax": 0.05, "max_steps": 60}}
    node = launch("search", {"potential": EMT, "search": settings})
    assert node.is_finished_ok
    return node


@pytest.mark.parametrize("command", [each for each in COMMANDS if reads_only(each)], ids=str)
def test_a_documented_command_runs(command: Command, finished: Any, tmp_path: Path) -> None:
    identity = finished.outputs.population.get_frames()[0].info["id"]
    places = {"PK": str(finished.pk), "PK1": str(finished.pk), "PK2": str(finished.pk), "g003-0017": identity}
    name, *words = [places.get(word, word) for word in without_profile(command)]
    done = subprocess.run(
        [BIN / name, "-p", os.environ[VARIABLE], *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plan_of_the_demo_is_made_without_submitting_anything(aiida_profile: Any) -> None:
    launch = ["launch", "csp", ROOT / "examples" / "h3s_demo" / "input.yaml", "--dry-run"]
    command = [BIN / "aiida-anhcsp", "-p", os.environ[VARIABLE], *launch]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "H3S" in done.stdout
