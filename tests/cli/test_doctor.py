"""The doctor, on a profile without a daemon."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida.brokers.zeromq.broker import ZeromqBroker
from aiida.engine.daemon.client import DaemonClient
from aiida.manage import get_config, get_manager
from aiida.orm import CalcJobNode, ContainerizedCode, WorkChainNode
from aiida.transports.plugins.local import LocalTransport
from plumpy import ProcessState

from aiida_anhcsp import __version__
from aiida_anhcsp.cli.health import checks, repair, tasks
from aiida_anhcsp.cli.health.finding import Finding
from aiida_anhcsp.cli.health.machines import free_gigabytes
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
    old = engine_like(tmp_path / "anhcsp-engine", "99.0.0")
    code = aiida_code_installed(label="old", filepath_executable=str(old))
    (line,) = wrong(list(checks.check_codes()))
    assert code.full_label in line
    assert "version 99.0.0" in line
    assert "pip install" in line


def test_a_code_that_is_gone_is_named(program: Callable, tmp_path: Path, aiida_code_installed: Callable) -> None:
    aiida_code_installed(label="gone", filepath_executable=str(tmp_path / "gone"))
    assert any("does not exist" in line for line in wrong(list(checks.check_codes())))


def engine_like(path: Path, version: str = __version__) -> Path:
    """A program that says what version it is."""
    path.write_text(f"#!/bin/sh\necho anhcsp-engine, version {version}\n")
    path.chmod(0o755)
    return path


def test_an_engine_that_needs_its_modules_is_asked_with_them(
    aiida_profile_clean: Any, tmp_path: Path, aiida_code_installed: Callable, aiida_localhost: Any
) -> None:
    (tmp_path / "module").mkdir()
    engine_like(tmp_path / "module" / "anhcsp-engine")
    aiida_localhost.set_prepend_text(f"module() {{ echo loading $1; export PATH={tmp_path}/$1:$PATH; }}")
    code = aiida_code_installed(label="modules", filepath_executable="anhcsp-engine", prepend_text="module module")
    assert code.computer.pk == aiida_localhost.pk
    (finding,) = checks.check_codes()
    assert str(finding) == f"ok     code {code.full_label}: version {__version__}"


def test_an_engine_in_a_container_is_asked_in_its_container(
    aiida_profile_clean: Any, tmp_path: Path, aiida_localhost: Any
) -> None:
    container = tmp_path / "apptainer"
    container.write_text(f'#!/bin/sh\n[ "$*" = "exec image.sif /opt/anhcsp-engine --version" ] && echo {__version__}\n')
    container.chmod(0o755)
    keys = {"computer": aiida_localhost, "engine_command": f"{container} exec {{image_name}}"}
    ContainerizedCode(
        label="contained", image_name="image.sif", filepath_executable="/opt/anhcsp-engine", **keys
    ).store()
    ContainerizedCode(label="vasp", image_name="image.sif", filepath_executable="/opt/vasp", **keys).store()
    gone = ContainerizedCode(
        label="gone", image_name="other.sif", filepath_executable="/opt/anhcsp-engine", **keys
    ).store()
    (line,) = wrong(list(checks.check_codes()))
    assert f"code {gone.full_label}: " in line
    assert "does not answer" in line


def test_disk_is_that_of_the_nearest_folder_of_the_user_over_there(
    aiida_profile_clean: Any, tmp_path: Path, aiida_localhost: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    aiida_localhost.set_workdir(f"{tmp_path}/{{username}}/not yet/there")
    monkeypatch.setattr(LocalTransport, "whoami", lambda _: "somebody")
    run = LocalTransport.exec_command_wait

    def listen(transport: LocalTransport, command: str, **keys: Any) -> Any:
        asked.append(command)
        return run(transport, command, **keys)

    monkeypatch.setattr(LocalTransport, "exec_command_wait", listen)
    free = free_gigabytes(aiida_localhost)
    assert free is not None
    assert free == pytest.approx(shutil.disk_usage(tmp_path).free / 1.024e9, rel=0.05)
    assert f"{tmp_path}/somebody/not yet/there" in asked[0]


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


def test_a_paused_process_is_named_with_its_reason(aiida_profile_clean: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node = CalcJobNode().store()
    node.set_process_state(ProcessState.WAITING)
    node.pause()
    node.set_process_status("Pausing after failed transport task: upload_calculation failed 5 times consecutively")
    monkeypatch.setattr(checks, "stuck_processes", set)
    (line,) = wrong(list(checks.check_processes()))
    assert f"process {node.pk}: paused: Pausing after failed transport task: upload_calculation failed" in line
    assert line.endswith(f"verdi process play {node.pk}")
    node.unpause()
    assert wrong(list(checks.check_processes())) == []


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


def test_the_statistics_of_a_daemon_that_is_gone_are_an_orphan(aiida_profile: Any) -> None:
    from aiida.manage.configuration.settings import AiiDAConfigDir

    line = [sys.executable, "-c", "from circus import stats; import time; time.sleep(60)"]
    with subprocess.Popen(line, env={**os.environ, "AIIDA_PATH": str(AiiDAConfigDir.get())}) as process:
        try:
            assert process.pid in [orphan.pid for orphan in tasks.orphans()]
        finally:
            process.kill()


def test_the_doctor_says_that_the_daemon_is_not_running(program: Callable) -> None:
    result = program("doctor")
    assert result.exit_code == 1
    assert "WRONG  daemon: is not running, so nothing goes on; run verdi daemon start" in result.output


class Daemon:
    """A daemon as ``repair`` sees it, and what it does with it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, without_worker: int, cut_short: set[int]) -> None:
        self.without_worker, self.cut_short, self.done = without_worker, cut_short, []
        self.stuck: set[int] = set()
        self.paused: dict[int, str] = {}
        monkeypatch.setattr(repair, "orphans", list)
        monkeypatch.setattr(repair, "daemon_is_running", lambda: True)
        monkeypatch.setattr(repair, "stuck_processes", lambda: self.stuck)
        monkeypatch.setattr(repair, "paused_processes", lambda: self.paused)
        monkeypatch.setattr(repair, "broker_has_no_worker", self.looked_at)
        monkeypatch.setattr(repair, "broker_waits_for_the_dead", lambda: False)
        monkeypatch.setattr(repair, "verdi", self.verdi)
        monkeypatch.setattr(repair.time, "sleep", lambda _: None)

    def looked_at(self) -> bool:
        self.without_worker -= 1
        return self.without_worker >= 0

    def verdi(self, *arguments: str) -> None:
        self.done.append(" ".join(arguments))
        if arguments == ("daemon", "stop"):
            self.stuck = self.cut_short
        if arguments[:2] == ("process", "play"):
            self.paused = {}


def test_a_worker_that_is_starting_is_waited_for(monkeypatch: pytest.MonkeyPatch, aiida_profile: Any) -> None:
    daemon = Daemon(monkeypatch, without_worker=5, cut_short=set())
    assert repair.repair() == []
    assert daemon.done == []


def test_what_the_stop_itself_cut_short_is_revived(monkeypatch: pytest.MonkeyPatch, aiida_profile: Any) -> None:
    monkeypatch.setattr(repair, "PATIENCE", -1.0)
    daemon = Daemon(monkeypatch, without_worker=100, cut_short={88})
    assert repair.repair() == ["revived 88", "started the daemon"]
    assert daemon.done == ["daemon stop", "process repair --force", "daemon start"]


def test_paused_processes_are_played(monkeypatch: pytest.MonkeyPatch, aiida_profile: Any) -> None:
    daemon = Daemon(monkeypatch, without_worker=0, cut_short=set())
    daemon.paused = {12: "the disk was full", 7: ""}
    assert repair.repair() == ["played 7, 12"]
    assert daemon.done == ["process play 7 12"]


def test_the_sockets_of_a_killed_broker_are_forgotten(
    monkeypatch: pytest.MonkeyPatch, aiida_profile: Any, tmp_path: Path
) -> None:
    files = {"dir": str(tmp_path), "log": str(tmp_path / "broker.log")}
    monkeypatch.setattr(type(get_config()), "filepaths", lambda self, profile: {"broker_service": files})
    monkeypatch.setattr(DaemonClient, "circus_pid_file", str(tmp_path / "circus.pid"))
    lives = True
    monkeypatch.setattr(ZeromqBroker, "check_service_reachable", lambda self: lives)
    monkeypatch.setattr(get_manager(), "get_broker", lambda: ZeromqBroker.__new__(ZeromqBroker))
    sockets = tmp_path / "broker.sockets"
    sockets.write_text("/tmp/aiida_zeromq_gone")
    daemon = Daemon(monkeypatch, without_worker=0, cut_short=set())
    monkeypatch.setattr(repair, "daemon_is_running", lambda: False)
    assert repair.repair() == ["started the daemon"]
    assert sockets.exists()
    lives = False
    repair.repair()
    assert not sockets.exists()
    assert daemon.done == ["daemon start", "daemon start"]
