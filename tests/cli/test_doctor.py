"""The doctor, on a profile without a daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida.orm import WorkChainNode
from plumpy import ProcessState

from aiida_anhcsp.cli.health import checks, repair, tasks
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


class Daemon:
    """A daemon as ``repair`` sees it, and what it does with it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, without_worker: int, cut_short: set[int]) -> None:
        self.without_worker, self.cut_short, self.done = without_worker, cut_short, []
        self.stuck: set[int] = set()
        monkeypatch.setattr(repair, "orphans", list)
        monkeypatch.setattr(repair, "daemon_is_running", lambda: True)
        monkeypatch.setattr(repair, "stuck_processes", lambda: self.stuck)
        monkeypatch.setattr(repair, "broker_has_no_worker", self.looked_at)
        monkeypatch.setattr(repair, "verdi", self.verdi)
        monkeypatch.setattr(repair.time, "sleep", lambda _: None)

    def looked_at(self) -> bool:
        self.without_worker -= 1
        return self.without_worker >= 0

    def verdi(self, *arguments: str) -> None:
        self.done.append(" ".join(arguments))
        if arguments == ("daemon", "stop"):
            self.stuck = self.cut_short


def test_a_worker_that_is_starting_is_waited_for(monkeypatch: pytest.MonkeyPatch, aiida_profile: Any) -> None:
    daemon = Daemon(monkeypatch, without_worker=5, cut_short=set())
    assert repair.repair() == []
    assert daemon.done == []


def test_what_the_stop_itself_cut_short_is_revived(monkeypatch: pytest.MonkeyPatch, aiida_profile: Any) -> None:
    monkeypatch.setattr(repair, "PATIENCE", -1.0)
    daemon = Daemon(monkeypatch, without_worker=100, cut_short={88})
    assert repair.repair() == ["revived 88", "started the daemon"]
    assert daemon.done == ["daemon stop", "process repair --force", "daemon start"]
