"""The doctor, on a profile without a daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida.orm import WorkChainNode
from plumpy import ProcessState

from aiida_anhcsp.cli.health import checks, tasks
from aiida_anhcsp.cli.health.finding import Finding
from aiida_anhcsp.data.potential import PotentialData


def wrong(findings: list[Finding]) -> list[str]:
    """Findings with something to fix."""
    return [str(finding) for finding in findings if not finding.is_well]


def test_codes_of_the_same_version_are_well(program: Callable, tmp_path: Path) -> None:
    program("setup", "--work-dir", tmp_path)
    assert wrong(list(checks.check_codes())) == []
    assert wrong(list(checks.check_disk())) == []


def test_an_engine_of_another_version_is_named_with_the_fix(
    program: Callable, tmp_path: Path, aiida_code_installed: Callable
) -> None:
    program("setup", "--work-dir", tmp_path / "work")
    old = tmp_path / "anhcsp-engine"
    old.write_text("#!/bin/sh\necho anhcsp-engine, version 99.0.0\n")
    old.chmod(0o755)
    code = aiida_code_installed(label="old", filepath_executable=str(old))
    (line,) = wrong(list(checks.check_codes()))
    assert code.full_label in line
    assert "version 99.0.0" in line
    assert "pip install" in line


def test_a_code_that_is_gone_is_named(program: Callable, tmp_path: Path, aiida_code_installed: Callable) -> None:
    aiida_code_installed(label="gone", filepath_executable=str(tmp_path / "gone"))
    assert any("does not exist" in line for line in wrong(list(checks.check_codes())))


def test_a_potential_whose_file_changed_is_named(aiida_profile_clean: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node = PotentialData.from_callable("ase.calculators.emt:EMT", {}).store()
    assert wrong(list(checks.check_weights())) == []
    monkeypatch.setattr(PotentialData, "get_content", lambda *_, **__: b"something else")
    (line,) = wrong(list(checks.check_weights()))
    assert f"potential {node.pk}" in line


def test_a_process_without_a_task_is_stuck(aiida_profile_clean: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node = WorkChainNode().store()
    node.set_process_state(ProcessState.WAITING)
    monkeypatch.setattr(tasks, "SETTLE", 0.0)
    monkeypatch.setattr(tasks, "broker_tasks", lambda: {node.pk})
    assert tasks.stuck_processes() == set()
    monkeypatch.setattr(tasks, "broker_tasks", set)
    assert tasks.stuck_processes() == {node.pk}


def test_tasks_are_read_from_the_brokers_files_without_moving_them(tmp_path: Path) -> None:
    for state, number in (("pending", 3), ("processing", 5)):
        (tmp_path / state).mkdir()
        document = {"body": {"task": "continue", "args": {"pid": number, "nowait": True}}}
        (tmp_path / state / f"{number}.json").write_text(json.dumps(document))
    assert set(tasks._tasks_in(tmp_path)) == {3, 5}
    assert (tmp_path / "processing" / "5.json").exists()


@pytest.mark.parametrize(
    ("line", "serves"),
    [
        (["python", "/x/verdi", "-p", "one", "daemon", "worker"], True),
        (["python", "/x/verdi", "-p", "one", "daemon", "broker", "--service-dir", "/y"], True),
        (["python", "/x/verdi", "-p", "other", "daemon", "worker"], False),
        (["vim", "one", "daemon"], False),
    ],
)
def test_workers_are_known_by_their_command_line(line: list[str], serves: bool) -> None:
    assert tasks._serves(line, "one") is serves


def test_the_doctor_says_that_the_daemon_is_not_running(program: Callable) -> None:
    result = program("doctor")
    assert result.exit_code == 1
    assert "WRONG  daemon: is not running, so nothing goes on; run verdi daemon start" in result.output
