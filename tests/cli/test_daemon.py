"""Watching over the daemon's workers."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import psutil
import pytest
from aiida.engine.daemon.client import DaemonTimeoutException

from aiida_anhcsp.cli import daemon
from aiida_anhcsp.cli.daemon import PATIENCE, START, Supervisor


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The supervisor's clock."""
    clock = Clock()
    monkeypatch.setattr(daemon, "time", clock)
    return clock


@pytest.fixture
def restarts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Restarts of a daemon whose broker has no worker."""
    calls: list[str] = []

    class Client:
        def restart_daemon(self) -> dict[str, Any]:
            calls.append("restart")
            return {}

    monkeypatch.setattr("aiida.engine.daemon.client.get_daemon_client", Client)
    monkeypatch.setattr(daemon, "daemon_is_running", lambda: True)
    monkeypatch.setattr(daemon, "broker_has_no_worker", lambda: True)
    monkeypatch.setattr(daemon, "broker_waits_for_the_dead", lambda: False)
    return calls


def test_workers_that_are_starting_are_left_alone(clock: Clock, restarts: list[str]) -> None:
    supervisor = Supervisor()
    clock.now = START - 1
    assert supervisor.check() is None
    assert restarts == []


def test_workers_that_get_no_tasks_are_started_again_once(clock: Clock, restarts: list[str]) -> None:
    supervisor = Supervisor()
    clock.now = START + 1
    assert "started again" in str(supervisor.check())
    clock.now += PATIENCE
    assert supervisor.check() is None
    assert restarts == ["restart"]


def test_a_worker_that_comes_back_resets_the_patience(
    clock: Clock, restarts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor()
    clock.now = START + 1
    monkeypatch.setattr(daemon, "broker_has_no_worker", lambda: False)
    supervisor.check()
    monkeypatch.setattr(daemon, "broker_has_no_worker", lambda: True)
    clock.now += PATIENCE - 1
    assert supervisor.check() is None
    clock.now += 2
    assert supervisor.check() is not None


@pytest.mark.parametrize(
    ("status", "workers", "found"),
    [
        ({"task_subscribers": 2, "in_flight_tasks": 3}, 1, True),
        ({"task_subscribers": 1, "in_flight_tasks": 3}, 1, False),
        ({"task_subscribers": 2, "in_flight_tasks": 0}, 1, False),
        ({"task_subscribers": 2, "in_flight_tasks": 3}, None, False),
        ({}, 1, False),
    ],
)
def test_a_broker_that_waits_for_a_worker_that_ended_is_noticed(
    status: dict[str, int], workers: int | None, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        def get_number_of_workers(self) -> int:
            if workers is None:
                raise DaemonTimeoutException
            return workers

    monkeypatch.setattr("aiida.engine.daemon.client.get_daemon_client", Client)
    monkeypatch.setattr(daemon, "_broker_status", lambda: status)
    assert daemon.broker_waits_for_the_dead() is found


def test_a_daemon_whose_broker_waits_for_the_dead_is_started_again(
    clock: Clock, restarts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "broker_has_no_worker", lambda: False)
    monkeypatch.setattr(daemon, "broker_waits_for_the_dead", lambda: True)
    supervisor = Supervisor()
    clock.now = START + 1
    assert "started again" in str(supervisor.check())
    assert restarts == ["restart"]


def test_a_profile_without_the_zeromq_broker_is_never_restarted() -> None:
    assert daemon.broker_has_no_worker() is False


def test_a_daemon_that_was_killed_is_not_running_though_its_file_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    victim = subprocess.Popen([sys.executable, "-c", "input()", "daemon"], stdin=subprocess.PIPE)

    class Client:
        def get_daemon_pid(self) -> int:
            return victim.pid

    monkeypatch.setattr("aiida.engine.daemon.client.get_daemon_client", Client)
    while "daemon" not in psutil.Process(victim.pid).cmdline():  # between fork and exec
        time.sleep(0.01)
    assert daemon.daemon_is_running()
    victim.kill()
    while psutil.Process(victim.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not daemon.daemon_is_running()
    victim.communicate()
    assert not daemon.daemon_is_running()
