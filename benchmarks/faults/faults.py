"""Kill AiiDA's processes at random moments of a search and compare with the undisturbed search.

    scripts/profile.sh sqlite faults && .venv/bin/aiida-anhcsp -p faults setup
    .venv/bin/python benchmarks/faults/faults.py --profile faults --kills 20 --out benchmarks/faults/sqlite.json

With a profile made by ``scripts/profile.sh postgresql``, ``--restarts 5`` also restarts its server. A small search
(EMT) runs undisturbed in one process (``anhcsp-engine search``), and disturbed through the daemon. By ``--seed`` each
fault has a victim (a worker, the broker, the whole daemon as when the machine goes down, or the database) and a moment:
some seconds after the last one, or the instant in which the next process appears in the database, which is inside a
submitting step. Processes die by SIGKILL. After each fault the daemon is put in order as a user would, by what
``aiida-anhcsp doctor --repair`` does.

Compared: all structures of the final populations; the calls, by link label: those that a fault interrupted (closed, and
called again), those that ended twice and those that never ended well; how often each job was really started (its code
writes into a log when it starts); processes that are left open. The moments are recorded with the outcome.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml
from aiida import load_profile
from aiida.common import NotExistent
from aiida.engine.daemon.client import get_daemon_client
from aiida.manage import get_manager
from aiida.orm import CalcJobNode, InstalledCode, ProcessNode, QueryBuilder, load_code, load_computer, load_node
from ase import Atoms

from aiida_anhcsp.cli.health.repair import repair
from aiida_anhcsp.engine.frames import read_frames

BIN = Path(sys.executable).parent
POSTGRES = Path(__file__).parents[2] / "scripts/postgres.sh"
EMT = "ase:ase.calculators.emt:EMT"
VICTIMS = ("worker", "broker", "everything")
CODE = "anhcsp-engine-counted"
LIMIT = 7200.0
LONGEST = 300.0
"""Seconds to wait for a submission; where none comes, the next fault and its repair do."""


def program(profile: str, *arguments: str) -> str:
    """Output of aiida-anhcsp."""
    command = [BIN / "aiida-anhcsp", "-p", profile, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def counted_code(folder: Path, log: Path) -> None:
    """The engine, as a code that writes its working directory into ``log`` whenever it is started."""
    wrapper = folder / "anhcsp-engine"
    wrapper.write_text(f'#!/bin/sh\necho "$PWD" >> {log}\nexec {BIN / "anhcsp-engine"} "$@"\n')
    wrapper.chmod(0o755)
    try:
        load_code(f"{CODE}@localhost")
    except NotExistent:
        InstalledCode(
            label=CODE, computer=load_computer("localhost"), filepath_executable=str(wrapper), with_mpi=False
        ).store()


def settings(generations: int) -> dict[str, Any]:
    """A small search."""
    search = {"formula": "Cu3Au", "pressure": 10, "population": 4, "generations": generations, "seed": 4}
    return {**search, "relax": {"fmax": 0.05, "max_steps": 20}}


def undisturbed(folder: Path, generations: int) -> list[Atoms]:
    """The structures of the search in one process, which nothing disturbs."""
    path = folder / "search.yaml"
    path.write_text(yaml.safe_dump({**settings(generations), "potential": EMT}))
    out = folder / "undisturbed"
    subprocess.run([BIN / "anhcsp-engine", "search", path, out], check=True, capture_output=True)
    return read_frames(out / "population.extxyz")


def launch(profile: str, folder: Path, generations: int) -> ProcessNode:
    """Submit the search."""
    path = folder / "input.yaml"
    keys = {"potential": EMT, "code": f"{CODE}@localhost", "search": settings(generations)}
    path.write_text(yaml.safe_dump(keys))
    found = re.search(r"PK (\d+)", program(profile, "launch", "search", str(path)))
    assert found is not None
    return load_node(int(found.group(1)))


def release() -> None:
    """End the read transaction, so that SQLite can be written by others and read anew."""
    get_manager().get_profile_storage().get_session().rollback()


def processes() -> dict[str, list[psutil.Process]]:
    """The daemon's processes by what they are; workers that lost their daemon included."""
    found: dict[str, list[psutil.Process]] = {"worker": [], "broker": [], "everything": []}
    profile = get_manager().get_profile().name
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if str(BIN / "verdi") not in line or profile not in line:
            continue
        found["everything"].append(process)
        for kind in ("worker", "broker"):
            if kind in line:
                found[kind].append(process)
    return found


def number_of_processes() -> int:
    """Process nodes in the database."""
    release()
    return QueryBuilder().append(ProcessNode).count()


def await_moment(moment: str, seconds: float, node: ProcessNode) -> None:
    """Wait for the time to strike."""
    time.sleep(seconds)
    if moment == "submission":
        before, end = number_of_processes(), time.monotonic() + LONGEST
        while number_of_processes() == before and not node.is_terminated and time.monotonic() < end:
            time.sleep(0.01)


def strike(victim: str) -> list[int]:
    """Kill the victim as soon as there is one; the pids that died."""
    end = time.monotonic() + LONGEST
    while not (victims := processes()[victim]) and time.monotonic() < end:
        time.sleep(0.01)
    for process in victims:
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(victims, timeout=10)
    return [process.pid for process in victims]


def leave_database() -> None:
    """Close this process's connection before another one ends it; the next query opens one."""
    release()
    get_manager().get_profile_storage().get_session().get_bind().dispose()


def restart_database(seconds: float) -> None:
    """Stop the server, which ends all connections, and start it after a while."""
    subprocess.run([POSTGRES, "stop"], check=True)
    time.sleep(seconds)
    subprocess.run([POSTGRES, "start"], check=True)


def where(node: ProcessNode) -> str:
    """What the run was doing, by the label of its newest child."""
    release()
    children = sorted(node.called, key=lambda child: child.pk)
    if not children:
        return "before its first step"
    state = children[-1].process_state
    return f"{children[-1].label} ({state.value if state is not None else 'only just made'})"


def repaired() -> list[str]:
    """Put the daemon in order; what was done. In a process of its own, as that of the command is."""
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        return pool.submit(repair).result()


def disturb(
    node: ProcessNode, kills: int, restarts: int, rng: np.random.Generator, mean: float
) -> list[dict[str, Any]]:
    """Strike until the run has ended or all faults are spent."""
    started, faults = time.monotonic(), []
    victims = rng.permutation([*rng.choice(VICTIMS, kills), *["database"] * restarts])
    for number, victim in enumerate(victims.tolist()):
        moment = str(rng.choice(("time", "submission")))
        seconds = float(rng.uniform(0.5, 2 * mean))
        await_moment(moment, seconds, node)
        if node.is_terminated:
            break
        at, during = time.monotonic() - started, where(node)
        killed = len(strike(victim)) if victim != "database" else 0
        leave_database()  # AiiDA's repair ends all connections to PostgreSQL, too
        if victim == "database":
            restart_database(float(rng.uniform(0.0, 5.0)))
        fault = {"number": number + 1, "victim": victim, "moment": moment, "seconds": round(at, 2)}
        faults.append({**fault, "during": during, "killed": killed, "repaired": repaired()})
        print(json.dumps(faults[-1]), flush=True)
    return faults


def wait(node: ProcessNode) -> None:
    """Wait until a process has ended."""
    started = time.monotonic()
    while not node.is_terminated:
        if time.monotonic() - started > LIMIT:
            raise RuntimeError(f"{node} has not ended after {LIMIT:g} s")
        time.sleep(1)
        release()


def expected_calls(generations: int) -> set[str]:
    """What the search calls, by the labels on the way to it."""
    steps = ("relax", "relax/job_00", "judge", "rank")
    called = {f"/generation_{number:03d}_{step}" for number in range(generations) for step in steps}
    later = {f"/generation_{number:03d}_{step}" for number in range(1, generations) for step in ("vary", "merge")}
    return called | later | {"/generation_000_generate", "/history"}


def descendants(node: ProcessNode, path: str = "") -> Iterator[tuple[str, ProcessNode]]:
    """What a process called, directly or not, by the labels on the way to it."""
    for child in node.called:
        yield f"{path}/{child.label}", child
        yield from descendants(child, f"{path}/{child.label}")


def same(some: list[Atoms], others: list[Atoms]) -> bool:
    """Whether all structures are the same to the last bit, with all that is known of them."""
    pairs = list(zip(some, others, strict=False))
    return len(some) == len(others) and all(
        one.info == other.info and one == other and np.array_equal(one.cell[:], other.cell[:]) for one, other in pairs
    )


def compare(calm: list[Atoms], rough: ProcessNode, generations: int, log: Path) -> dict[str, Any]:
    """What the disturbed run came to, beside the undisturbed one."""
    release()
    starts = Counter(log.read_text().splitlines())
    called = list(descendants(rough))
    folders = {child.get_remote_workdir() for _, child in called if isinstance(child, CalcJobNode)}
    ended = Counter(path for path, child in called if child.is_finished)
    expected = expected_calls(generations)
    return {
        "same_population": same(calm, rough.outputs.population.get_frames()),
        "structures": len(calm),
        "exit_status": rough.exit_status,
        "calls": {"expected": len(expected), "made": len(called)},
        "interrupted": sorted(path for path, child in called if child.is_killed),
        "ended_twice": sorted(path for path, times in ended.items() if times > 1),
        "never_ended_well": sorted(expected ^ {path for path, child in called if child.is_finished_ok}),
        "jobs": len(folders),
        "started_twice": sorted(folder for folder in folders if starts[folder] > 1),
        "left_open": [path for path, child in called if not child.is_terminated],
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--restarts", type=int, default=0, help="restarts of the PostgreSQL server")
    parser.add_argument("--generations", type=int, default=12, help="enough for all faults to strike")
    parser.add_argument("--seed", type=int, default=1, help="of the faults")
    parser.add_argument("--mean", type=float, default=2.0, help="mean seconds between a repair and the next fault")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    load_profile(arguments.profile)
    folder = Path(get_manager().get_config().dirpath) / "faults"
    folder.mkdir(exist_ok=True)
    log = folder / "started"
    log.touch()
    counted_code(folder, log)
    if not get_daemon_client().is_daemon_running:
        repaired()
    calm = undisturbed(folder, arguments.generations)
    rough = launch(arguments.profile, folder, arguments.generations)
    started = time.monotonic()
    rng = np.random.default_rng(arguments.seed)
    faults = disturb(rough, arguments.kills, arguments.restarts, rng, arguments.mean)
    wait(rough)
    outcome = compare(calm, rough, arguments.generations, log)
    asked = {"kills": arguments.kills, "restarts": arguments.restarts}
    document = {
        "seed": arguments.seed,
        "asked_for": asked,
        "struck": len(faults),
        "generations": arguments.generations,
        "seconds": round(time.monotonic() - started, 1),
        "faults": faults,
        "outcome": outcome,
    }
    arguments.out.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(outcome, indent=1))


if __name__ == "__main__":
    main()
