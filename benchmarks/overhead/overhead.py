"""What the graph costs: the same search through the daemon and in one process, and what it leaves behind.

    scripts/profile.sh sqlite overhead && .venv/bin/aiida-anhcsp -p overhead setup
    .venv/bin/python benchmarks/overhead/overhead.py --profile overhead --sizes 20,100

H3S at 150 GPa with the mini model, cells of 4 to 16 atoms, two generations of each size; the engine first, then the
work chain, wall times of an otherwise idle machine. The final populations must be the same. Counted are nodes, the
growth of the database and of the repository, and the size of the run's archive; ``--project 1e5,1e7`` says what these
make for so many structures. What was measured is kept in ``BACKEND.json`` beside this file and not measured again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import yaml
from aiida import load_profile
from aiida.manage import get_manager
from aiida.orm import Node, QueryBuilder, load_node
from sqlalchemy import text

from aiida_anhcsp.cli.status import release_database
from aiida_anhcsp.engine.frames import read_frames

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
GENERATIONS = 2
POTENTIAL = "mattersim:mini-H-S"


def settings(size: int) -> dict[str, Any]:
    search = {"formula": "H3S", "formula_units": "1-4", "pressure": 150, "population": size, "seed": 1}
    return {**search, "generations": GENERATIONS, "relax": {"fmax": 0.05, "max_steps": 200}}


def in_process(size: int, folder: Path) -> tuple[float, list[float]]:
    """Wall time of ``anhcsp-engine search``, and the enthalpies it ends with."""
    path = folder / "search.yaml"
    path.write_text(yaml.safe_dump({**settings(size), "potential": POTENTIAL}))
    began = time.monotonic()
    subprocess.run([BIN / "anhcsp-engine", "search", path, folder / "out"], check=True, capture_output=True)
    return time.monotonic() - began, enthalpies(folder / "out/population.extxyz")


def by_daemon(profile: str, size: int, folder: Path) -> tuple[float, list[float], int]:
    """Wall time of ``launch search`` until the run has ended, the enthalpies it ends with, and its PK."""
    path = folder / "input.yaml"
    path.write_text(yaml.safe_dump({"potential": POTENTIAL, "search": settings(size)}))
    began = time.monotonic()
    answer = program(profile, "launch", "search", str(path))
    found = re.search(r"PK (\d+)", answer)
    assert found is not None, answer
    node = load_node(int(found.group(1)))
    while not node.is_terminated:
        time.sleep(0.5)
        release_database()
    seconds = time.monotonic() - began
    assert node.is_finished_ok, node.exit_message
    (folder / "graph.extxyz").write_text(node.outputs.population.get_content())
    return seconds, enthalpies(folder / "graph.extxyz"), node.pk


def enthalpies(path: Path) -> list[float]:
    """Of all structures that have one, in order."""
    return [frame.info["enthalpy"] for frame in read_frames(path) if "enthalpy" in frame.info]


def program(profile: str, *arguments: str) -> str:
    """Output of ``aiida-anhcsp``."""
    command = [BIN / "aiida-anhcsp", "-p", profile, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def left_behind() -> dict[str, int]:
    """Nodes, and bytes in the database and the repository."""
    release_database()
    storage = get_manager().get_profile_storage()
    profile = get_manager().get_profile()
    assert profile is not None
    if profile.storage_backend == "core.psql_dos":
        database = int(storage.get_session().execute(text("SELECT pg_database_size(current_database())")).scalar())
        repository = Path(profile.storage_config["repository_uri"].removeprefix("file://"))
    else:
        folder = Path(profile.storage_config["filepath"])
        database = sum(path.stat().st_size for path in folder.glob("database.sqlite*"))
        repository = folder / "container"
    files = sum(path.stat().st_size for path in repository.rglob("*") if path.is_file())
    release_database()
    return {"nodes": QueryBuilder().append(Node).count(), "database": database, "repository": files}


def measure(profile: str, size: int) -> dict[str, Any]:
    """One size: times, and what the run left behind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone, expected = in_process(size, folder)
        before = left_behind()
        graph, found, number = by_daemon(profile, size, folder)
        after = left_behind()
        program(profile, "archive", str(number), str(folder / "run.aiida"))
        archive = (folder / "run.aiida").stat().st_size
    growth = {key: after[key] - before[key] for key in after}
    row = {"population": size, "generations": GENERATIONS, "load": os.getloadavg()[0], "same_result": expected == found}
    times = {"in_process_s": round(alone, 1), "daemon_s": round(graph, 1), "ratio": round(graph / alone, 3)}
    return {**row, **times, **growth, "archive": archive}


def projection(rows: list[dict[str, Any]], structures: float) -> dict[str, float]:
    """Nodes and gigabytes for so many structures in generations of the largest size that was measured."""
    row = rows[-1]
    factor = structures / (row["population"] * row["generations"])
    return {"structures": structures, "nodes": round(factor * row["nodes"])} | {
        f"{key}_GB": round(factor * row[key] / 1e9, 2) for key in ("database", "repository", "archive")
    }


@click.command()
@click.option("--profile", required=True)
@click.option("--sizes", default="20,100", show_default=True, help="Structures in a generation.")
@click.option("--project", default="1e5,1e7", show_default=True, help="Structures.")
def main(profile: str, sizes: str, project: str) -> None:
    """Measure the sizes that have not been measured yet."""
    backend = load_profile(profile).storage_backend.removeprefix("core.")
    path = HERE / f"{backend}.json"
    document = json.loads(path.read_text()) if path.is_file() else {"rows": []}
    done = {row["population"] for row in document["rows"]}
    for size in [int(word) for word in sizes.split(",")]:
        if size not in done:
            document["rows"] = sorted([*document["rows"], measure(profile, size)], key=lambda row: row["population"])
            print(json.dumps(document["rows"][-1]), flush=True)
        document["projection"] = [projection(document["rows"], float(word)) for word in project.split(",")]
        path.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
