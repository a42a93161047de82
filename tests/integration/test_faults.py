"""A daemon that dies and a database that is restarted cost a run nothing."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from aiida.engine.daemon.client import get_daemon_client
from aiida.manage import get_manager
from aiida.orm import ProcessNode, QueryBuilder, load_node

from aiida_anhcsp.cli.health.tasks import orphans
from aiida_anhcsp.cli.status import release_database

from .conftest import BIN, VARIABLE, program, verdi, wait_for

POSTGRES = Path(__file__).parents[2] / "scripts" / "postgres.sh"
SEARCH = {"formula": "Cu3Au", "pressure": 10, "population": 4, "generations": 2, "seed": 6}
INPUT = {"potential": "ase:ase.calculators.emt:EMT", "search": {**SEARCH, "relax": {"fmax": 0.05, "max_steps": 60}}}


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What the doctor says, ill or well."""
    command = [BIN / "aiida-anhcsp", "--profile", os.environ[VARIABLE], "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def launched(path: Path) -> Any:
    """A run that has called its first job."""
    path.write_text(yaml.safe_dump(INPUT))
    number = re.search(r"PK (\d+)", program("launch", "search", str(path)))
    assert number is not None
    node = load_node(int(number.group(1)))
    for _ in range(600):
        release_database()
        if node.called:
            return node
        time.sleep(0.2)
    raise AssertionError(f"{node} has called nothing")


def descendants(node: ProcessNode, path: str = "") -> Iterator[tuple[str, ProcessNode]]:
    """What a process called, directly or not, by the labels on the way to it."""
    for child in node.called:
        yield f"{path}/{child.label}", child
        yield from descendants(child, f"{path}/{child.label}")


def assert_nothing_was_lost_or_done_twice(node: ProcessNode) -> None:
    """A run of two generations came to its end, with each of its steps once."""
    assert node.is_finished_ok, node.exit_message
    called = list(descendants(node))
    jobs = sorted(path for path, child in called if child.process_label.endswith("Calculation"))
    relaxations = [f"/generation_{number:03d}_relax/job_00" for number in range(2)]
    assert jobs == sorted(["/generation_000_generate", "/generation_001_vary", *relaxations])
    assert all(child.is_finished_ok for _, child in called)


def forget_the_connection() -> None:
    """Give up this process's own connection: a restart of the server ends it, and so does AiiDA's repair."""
    release_database()
    get_manager().get_profile_storage().get_session().get_bind().dispose()


def kill_the_daemon_and_lose_its_tasks() -> None:
    """What a crash of the machine leaves where the broker's files did not survive: SIGKILL for all, and no tasks."""
    number = get_daemon_client().get_daemon_pid()
    assert number is not None
    daemon = psutil.Process(number)
    family = [daemon, *daemon.children(recursive=True)]
    for process in family:
        process.kill()
    psutil.wait_procs(family, timeout=10)
    assert orphans() == []
    for path in (get_manager().get_broker()._storage_path / "tasks").glob("*/*.json"):  # type: ignore[union-attr]
        path.unlink()


def test_repair_revives_a_run_whose_daemon_was_killed_and_whose_tasks_were_lost(
    aiida_profile: Any, tmp_path: Path
) -> None:
    node = launched(tmp_path / "input.yaml")
    kill_the_daemon_and_lose_its_tasks()
    ill = doctor()
    assert ill.returncode == 1
    assert "WRONG  daemon: is not running" in ill.stdout
    assert re.search(rf"WRONG  processes: .*\b{node.pk}\b.* wait for nobody", ill.stdout)
    forget_the_connection()
    mended = doctor("--repair")
    assert re.search(rf"revived .*\b{node.pk}\b", mended.stdout)
    assert "started the daemon" in mended.stdout
    wait_for(node)
    assert_nothing_was_lost_or_done_twice(node)


def stop_the_daemon_in_a_submission(node: ProcessNode) -> None:
    """``verdi daemon stop`` in the moment in which the next process appears."""
    before = QueryBuilder().append(ProcessNode).count()
    while QueryBuilder().append(ProcessNode).count() == before and not node.is_terminated:
        time.sleep(0.01)
        release_database()
    assert not node.is_terminated, "the run ended before the daemon was stopped"
    verdi("daemon", "stop")


def test_a_stop_in_a_submitting_step_leaves_nothing_behind(aiida_profile: Any, tmp_path: Path) -> None:
    node = launched(tmp_path / "input.yaml")
    for _ in range(2):
        stop_the_daemon_in_a_submission(node)
        assert orphans() == []
        forget_the_connection()
        mended = doctor("--repair")
        assert "started the daemon" in mended.stdout
    wait_for(node)
    assert node.is_finished_ok, node.exit_message
    called = list(descendants(node))
    assert all(child.is_finished_ok or child.is_killed for _, child in called), "a step that was cut short is closed"
    ended = [path for path, child in called if child.is_finished]
    assert len(ended) == len(set(ended))


def test_a_run_survives_restarts_of_its_database(aiida_profile: Any, tmp_path: Path) -> None:
    if aiida_profile.storage_backend != "core.psql_dos":
        pytest.skip("a file has no server to restart")
    node = launched(tmp_path / "input.yaml")
    for _ in range(2):
        forget_the_connection()
        subprocess.run([POSTGRES, "stop"], check=True)
        time.sleep(3)
        subprocess.run([POSTGRES, "start"], check=True)
        time.sleep(5)
        assert not node.is_terminated, "the run ended before its database was restarted"
    wait_for(node)
    assert_nothing_was_lost_or_done_twice(node)
