"""An archive of a run, read into an empty profile on the other kind of database."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import BIN, VARIABLE, program, verdi

ROOT = Path(__file__).parents[2]
EMT = "ase:ase.calculators.emt:EMT"
EMPTY = "test-import"


def postgres(*arguments: str) -> str:
    """Output of the server's script."""
    command = [ROOT / "scripts" / "postgres.sh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def empty_profile(tmp_path: Path) -> Iterator[str]:
    """An empty profile on PostgreSQL where the tests run on sqlite, and the reverse."""
    common = ["--profile-name", EMPTY, "--non-interactive", "--email", "a@b.c", "--first-name", "A"]
    common += ["--last-name", "B", "--institution", "C", "--broker", "none"]
    if "postgresql" in os.environ[VARIABLE]:
        verdi("profile", "setup", "core.sqlite_dos", *common, "--filepath", tmp_path / "storage")
    else:
        postgres("start")
        postgres("drop", EMPTY)
        postgres("database", EMPTY)
        server = ["--database-hostname", "127.0.0.1", "--database-port", postgres("port")]
        server += ["--database-username", "aiida", "--database-password", postgres("password")]
        server += ["--database-name", EMPTY, "--repository-uri", f"file://{tmp_path / 'repository'}"]
        verdi("profile", "setup", "core.psql_dos", *common, *server)
    yield EMPTY
    verdi("profile", "delete", EMPTY, "--force", "--keep-data")


def test_ranking_and_figures_are_the_same_in_another_profile(
    launch: Callable, empty_profile: str, tmp_path: Path
) -> None:
    search = {"formula": "Cu3Au", "pressure": 10, "population": 6, "generations": 2, "seed": 3}
    keys = {"potential": EMT, "search": {**search, "relax": {"fmax": 0.05, "max_steps": 60}}}
    node: Any = launch("search", keys)
    program("archive", node.uuid, str(tmp_path / "run.aiida"))
    verdi("-p", empty_profile, "archive", "import", tmp_path / "run.aiida")
    answers, figures = [], []
    for profile in (os.environ[VARIABLE], empty_profile):
        command = [BIN / "aiida-anhcsp", "-p", profile]
        done = subprocess.run([*command, "ranking", node.uuid, "--json"], capture_output=True, text=True, check=True)
        answers.append(json.loads(done.stdout))
        folder = tmp_path / profile
        subprocess.run([*command, "report", node.uuid, tmp_path / "page.html", "--figures", folder], check=True)
        figures.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert answers[0] == answers[1]
    assert figures[0] == figures[1]
