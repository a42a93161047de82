"""What the graph costs: the same search through the daemon and in one process, and what it leaves behind.

    scripts/profile.sh sqlite overhead && export AIIDA_PATH=$PWD/.aiida OMP_NUM_THREADS=1
    .venv/bin/python benchmarks/overhead/overhead.py --profile overhead --search h3s --sizes 20,100
    .venv/bin/python benchmarks/overhead/overhead.py --profile overhead --search cuau --sizes 20,100,500

Two generations of each size. ``h3s`` is a search as the demo's, H3S at 130 GPa in cells of four and eight atoms by the
mini model; ``h3s16`` the same in cells of sixteen; ``cuau`` as light as a search can be, so that what is left is the
graph: two atoms, EMT, three steps of relaxation. The engine alone comes first, the work chain right after it; the final
populations must be the same. Wall times are those of the machine as it was (its load is beside them); processor times
are those of the engine's processes and of the daemon's. ``graph_s`` is the time in which no program of the engine ran,
and ``start_s`` that which the jobs' programs took beyond the engine's work in one process, mostly to start.

Counted are nodes, the growth of the database and of the repository, the size of the run's archive and of its final
population. ``--project 1e5,1e7`` says what these make for so many structures: what belongs to a generation grows with
their number, the merged and the ranked population of each generation, which hold all structures so far, with the square
of the number of generations. What was measured is kept in ``BACKEND.json`` beside this file and not measured again.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil
import yaml
from aiida import load_profile
from aiida.common import NotExistent
from aiida.engine.daemon.client import get_daemon_client
from aiida.manage import get_manager
from aiida.orm import InstalledCode, Node, QueryBuilder, load_code, load_computer, load_node
from sqlalchemy import text

from aiida_anhcsp.cli.status import release_database
from aiida_anhcsp.engine.frames import read_frames

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
GENERATIONS = 2
SEARCHES: dict[str, dict[str, Any]] = {
    "h3s": {
        "potential": "mattersim:mini-H-S",
        "settings": {"formula": "H3S", "formula_units": "1-2", "pressure": 130, "relax": {"fmax": 0.02}},
    },
    "h3s16": {
        "potential": "mattersim:mini-H-S",
        "settings": {"formula": "H3S", "formula_units": "4", "pressure": 130, "relax": {"fmax": 0.02}},
    },
    "cuau": {
        "potential": "ase:ase.calculators.emt:EMT",
        "settings": {"formula": "CuAu", "pressure": 10, "relax": {"fmax": 0.05, "max_steps": 3}},
    },
}
CODE = "anhcsp-engine-timed"
WRAPPER = """#!/bin/bash
TIMEFORMAT='%R %U %S'
exec 3>&2
{{ time {engine} "$@" 2>&3 ; }} 2>> {log}
"""


@dataclass
class Times:
    """Wall and processor time, s."""

    wall: float
    processor: float


def settings(search: str, size: int) -> dict[str, Any]:
    """The search, for both ways."""
    return {**SEARCHES[search]["settings"], "population": size, "generations": GENERATIONS, "seed": 1}


def timed_code(folder: Path) -> Path:
    """Make the engine a code that writes wall, user and system time of each of its runs into the file returned."""
    log, wrapper = folder / "times", folder / "anhcsp-engine"
    log.touch()
    wrapper.write_text(WRAPPER.format(engine=BIN / "anhcsp-engine", log=log))
    wrapper.chmod(0o755)
    try:
        load_code(f"{CODE}@localhost")
    except NotExistent:
        keys = {"computer": load_computer("localhost"), "filepath_executable": str(wrapper)}
        InstalledCode(label=CODE, with_mpi=False, **keys).store()
    return log


def in_process(search: str, size: int, folder: Path) -> tuple[Times, list[float]]:
    """Times of ``anhcsp-engine search``, and the enthalpies it ends with."""
    path = folder / "search.yaml"
    path.write_text(yaml.safe_dump({**settings(search, size), "potential": SEARCHES[search]["potential"]}))
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([BIN / "anhcsp-engine", "search", path, folder / "out"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Times(time.monotonic() - began, processor), enthalpies(folder / "out/population.extxyz")


def by_daemon(profile: str, search: str, size: int, folder: Path) -> tuple[Times, list[float], int]:
    """Wall time of ``launch search`` until the run has ended and processor time of the daemon, the enthalpies it ends
    with, and its PK."""
    path = folder / "input.yaml"
    inputs = {"potential": SEARCHES[search]["potential"], "code": f"{CODE}@localhost"}
    path.write_text(yaml.safe_dump({**inputs, "search": settings(search, size)}))
    began, before = time.monotonic(), daemon_seconds()
    answer = program(profile, "launch", "search", str(path))
    found = re.search(r"PK (\d+)", answer)
    assert found is not None, answer
    node = load_node(int(found.group(1)))
    while not node.is_terminated:
        time.sleep(0.5)
        release_database()
    times = Times(time.monotonic() - began, daemon_seconds() - before)
    assert node.is_finished_ok, node.exit_message
    (folder / "graph.extxyz").write_text(node.outputs.population.get_content())
    return times, enthalpies(folder / "graph.extxyz"), node.pk


def daemon_seconds() -> float:
    """Processor time that the daemon, its workers and its broker have taken so far."""
    daemon = psutil.Process(get_daemon_client().get_daemon_pid())
    times = [process.cpu_times() for process in (daemon, *daemon.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


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


def measure(profile: str, search: str, size: int) -> dict[str, Any]:
    """One size: times, and what the run left behind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone, expected = in_process(search, size, folder)
        before, log = left_behind(), timed_code(Path(get_manager().get_config().dirpath))
        log.write_text("")
        graph, found, number = by_daemon(profile, search, size, folder)
        after = left_behind()
        runs = [[float(word) for word in line.split()] for line in log.read_text().splitlines()]
        program(profile, "archive", str(number), str(folder / "run.aiida"))
        archive = (folder / "run.aiida").stat().st_size
        final = (folder / "graph.extxyz").stat().st_size
    walls, processors = sum(run[0] for run in runs), sum(run[1] + run[2] for run in runs)
    seconds = {
        "in_process": {"wall_s": alone.wall, "cpu_s": alone.processor},
        "daemon": {"wall_s": graph.wall, "engine_wall_s": walls, "engine_cpu_s": processors, "cpu_s": graph.processor},
        "overhead": {"graph_s": graph.wall - walls, "start_s": walls - alone.wall},
        "ratio": {"wall": graph.wall / alone.wall, "cpu": (processors + graph.processor) / alone.processor},
    }
    return {
        "search": search,
        "population": size,
        "generations": GENERATIONS,
        "jobs": len(runs),
        "same_result": expected == found,
        "load": round(os.getloadavg()[0], 1),
        **{name: {key: round(value, 2) for key, value in group.items()} for name, group in seconds.items()},
        **{key: after[key] - before[key] for key in after},
        "archive": archive,
        "final_population": final,
    }


def projection(rows: list[dict[str, Any]], structures: float, population: int) -> dict[str, float]:
    """Nodes and gigabytes for so many structures in generations of ``population``, from the largest size measured.

    ``repository_GB`` is without the merged and the ranked populations, ``ranked_GB`` is these: two nodes a generation
    that hold all structures so far, which grow with the square of the number of generations.
    """
    row = max(rows, key=lambda row: row["population"])
    generations = structures / population
    measured = row["population"] * row["generations"]
    per_structure = row["final_population"] / measured
    # the first generation is ranked and not merged
    cumulative = sum(2 * number - (number == 1) for number in range(1, row["generations"] + 1)) * row["population"]
    own = row["repository"] - per_structure * cumulative
    sizes = {
        "database": generations * row["database"] / row["generations"],
        "repository": structures * own / measured,
        "ranked": per_structure * population * generations * (generations + 1),
    }
    nodes = round(generations * row["nodes"] / row["generations"])
    return {"structures": structures, "population": population, "nodes": nodes} | {
        f"{name}_GB": round(size / 1e9, 2) for name, size in sizes.items()
    }


@click.command()
@click.option("--profile", required=True)
@click.option("--search", type=click.Choice(list(SEARCHES)), required=True)
@click.option("--sizes", default="20,100", show_default=True, help="Structures in a generation.")
@click.option("--project", default="1e5,1e7", show_default=True, help="Structures.")
def main(profile: str, search: str, sizes: str, project: str) -> None:
    """Measure the sizes that have not been measured yet."""
    backend = load_profile(profile).storage_backend.removeprefix("core.")
    path = HERE / f"{backend}.json"
    document = json.loads(path.read_text()) if path.is_file() else {"rows": []}
    done = {row["population"] for row in document["rows"] if row["search"] == search}
    for size in [int(word) for word in sizes.split(",")]:
        if size not in done:
            document["rows"] = [*document["rows"], measure(profile, search, size)]
            print(json.dumps(document["rows"][-1]), flush=True)
        document["projection"] = [
            projection(document["rows"], float(word), each) for word in project.split(",") for each in (500, 5000)
        ]
        path.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
