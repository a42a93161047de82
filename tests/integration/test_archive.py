"""An archive of a run, read into empty profiles: from sqlite to PostgreSQL and back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiida.manage.configuration import Profile

from .conftest import BIN, verdi

ROOT = Path(__file__).parents[2]
EMT = "ase:ase.calculators.emt:EMT"
EMPTY = {"core.psql_dos": "test-import-postgresql", "core.sqlite_dos": "test-import-sqlite"}
SEARCH = {
    "composition": {"elements": {"Cu": "0-4", "Au": "0-4"}, "atoms": "1-4"},
    "pressure": 10,
    "population": 10,
    "generations": 1,
    "seed": 3,
    "relax": {"fmax": 0.05, "max_steps": 60},
}


def postgres(*arguments: str) -> str:
    """Output of the server's script."""
    command = [ROOT / "scripts" / "postgres.sh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def empty_profiles(tmp_path: Path) -> Iterator[list[str]]:
    """An empty profile on PostgreSQL, and one on sqlite."""
    common = ["--non-interactive", "--email", "a@b.c", "--first-name", "A", "--last-name", "B", "--institution", "C"]
    common += ["--broker", "none"]
    name = EMPTY["core.psql_dos"]
    postgres("start")
    postgres("drop", name)
    postgres("database", name)
    server = ["--database-hostname", "127.0.0.1", "--database-port", postgres("port"), "--database-name", name]
    server += ["--database-username", "aiida", "--database-password", postgres("password")]
    storages = {
        "core.psql_dos": [*server, "--repository-uri", f"file://{tmp_path / 'repository'}"],
        "core.sqlite_dos": ["--filepath", tmp_path / "storage"],
    }
    for kind, options in storages.items():
        verdi("profile", "setup", kind, "--profile-name", EMPTY[kind], *common, *options)
    yield list(EMPTY.values())
    for made in EMPTY.values():
        verdi("profile", "delete", made, "--force", "--keep-data")


@dataclass
class Derived:
    """What is derived from a run in a profile: its ranking, and its figures by name, the hull among them."""

    ranking: list[dict[str, Any]]
    figures: dict[str, bytes]


def derived(profile: str, uuid: str, folder: Path) -> Derived:
    """Ask ``ranking`` and ``report`` in a profile."""
    command = [BIN / "aiida-anhcsp", "-p", profile]
    done = subprocess.run([*command, "ranking", uuid, "--json"], capture_output=True, text=True, check=True)
    subprocess.run([*command, "report", uuid, folder / "page.html", "--figures", folder / profile], check=True)
    return Derived(json.loads(done.stdout), {path.name: path.read_bytes() for path in (folder / profile).iterdir()})


def test_ranking_hull_and_figures_are_the_same_after_a_round_trip(
    launch: Callable, aiida_profile: Profile, empty_profiles: list[str], tmp_path: Path
) -> None:
    node: Any = launch("search", {"potential": EMT, "search": SEARCH})
    there = derived(aiida_profile.name, node.uuid, tmp_path)
    assert any("above_hull" in row for row in there.ranking)
    assert any("hull" in name for name in there.figures)
    for source, target in zip([aiida_profile.name, *empty_profiles], empty_profiles, strict=False):
        archive = tmp_path / f"{source}.aiida"
        subprocess.run([BIN / "aiida-anhcsp", "-p", source, "archive", node.uuid, archive], check=True)
        verdi("-p", target, "archive", "import", archive)
        assert derived(target, node.uuid, tmp_path) == there
