"""Processes that nobody will ever continue: active in the database, and unknown to the broker."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

SETTLE = 3.0
"""Seconds between two looks: a process that is just being handed over is no stuck one."""
REPAIR = "run aiida-anhcsp doctor --repair"


def active_processes() -> set[int]:
    """PKs of the processes that have not ended and that a daemon is to continue (functions are not its business)."""
    from aiida.engine.processes.control import get_active_processes
    from aiida.orm import CalcJobNode, WorkChainNode

    from ..status import release_database

    release_database()
    return {node.pk for node in get_active_processes() if isinstance(node, CalcJobNode | WorkChainNode)}


def paused_processes() -> dict[int, str]:
    """Why processes are paused, by PK: AiiDA pauses a job whose machine has failed it five times in a row."""
    from aiida.engine.processes.control import get_active_processes

    from ..status import release_database

    release_database()
    return {node.pk: node.process_status or "" for node in get_active_processes(paused=True)}


def broker_tasks() -> set[int]:
    """PKs of the processes whose tasks the broker of the loaded profile has, waiting or at work.

    The files of the ZeroMQ broker are read and nothing more: AiiDA's own list takes the tasks away from the workers.
    """
    from aiida.brokers.zeromq.broker import ZeromqBroker
    from aiida.engine.processes.control import get_process_tasks
    from aiida.manage import get_manager

    broker = get_manager().get_broker()
    if broker is None:
        return set()
    if not isinstance(broker, ZeromqBroker):
        return set(get_process_tasks(broker))
    return set(_tasks_in(broker._storage_path / "tasks"))


def stuck_processes() -> set[int]:
    """Active processes without a task, at two looks one after the other."""
    stuck = active_processes() - broker_tasks()
    if stuck:
        time.sleep(SETTLE)
        stuck &= active_processes() - broker_tasks()
    return stuck


def orphans() -> list[psutil.Process]:
    """Workers and brokers of the loaded profile whose daemon is gone, as they would work beside the new ones; and what
    counted for any daemon that is gone (circus's statistics), as it would count for ever."""
    import psutil
    from aiida.engine.daemon.client import get_daemon_client
    from aiida.manage import get_manager
    from aiida.manage.configuration.settings import AiiDAConfigDir

    profile = get_manager().get_profile()
    assert profile is not None
    daemon = get_daemon_client().get_daemon_pid()
    found = []
    for process in psutil.process_iter():
        try:
            line, parent = process.cmdline(), process.ppid()
            lost = parent != daemon if _serves(line, profile.name) else _counts(line) and not _is_daemon(parent)
            if not lost or process.uids().real != os.getuid():
                continue
            folder = process.environ().get("AIIDA_PATH")
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if folder is not None and AiiDAConfigDir.get() in (Path(folder), Path(folder) / ".aiida"):
            found.append(process)
    return found


def _serves(line: list[str], profile: str) -> bool:
    """Whether a command line is that of a worker or broker: ``verdi -p PROFILE daemon worker``."""
    return any(line[i : i + 3] == [profile, "daemon", kind] for i in range(len(line)) for kind in ("worker", "broker"))


def _counts(line: list[str]) -> bool:
    """Whether a command line is that of circus's statistics, which outlive a daemon that is killed."""
    return any(word.startswith("from circus import stats") for word in line)


def _is_daemon(number: int) -> bool:
    import psutil

    return psutil.pid_exists(number) and "start-circus" in psutil.Process(number).cmdline()


def _tasks_in(folder: Path) -> Iterator[int]:
    for path in folder.glob("*/*.json"):
        try:
            task = json.loads(path.read_text())
        except FileNotFoundError:  # it was done in this moment
            continue
        number = (task.get("body") or {}).get("args", {}).get("pid")
        if number is not None:
            yield int(number)
