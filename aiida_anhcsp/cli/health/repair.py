"""Put the daemon in order, as far as AiiDA can."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from ...engine.errors import InputError
from ..daemon import broker_has_no_worker, broker_waits_for_the_dead, daemon_is_running
from .tasks import orphans, paused_processes, stuck_processes

PATIENCE = 20.0
"""Seconds that orphans have to end, workers to start and paused processes to go on."""


def repair() -> list[str]:
    """Stop orphans, give stuck processes a task again, start the daemon, play paused processes.

    :return: what was done, nothing if all was well
    :raises InputError: AiiDA cannot do one of these.
    """
    return [*_stop_orphans(), *_revive(), *_play()]


def _stop_orphans() -> list[str]:
    import psutil

    lost = orphans()
    if not lost:
        return []
    for process in lost:
        process.terminate()
    _, alive = psutil.wait_procs(lost, timeout=PATIENCE)
    for process in alive:
        process.kill()
    return [f"stopped {len(lost)} processes that had lost their daemon"]


def _revive() -> list[str]:
    done: list[str] = []
    if daemon_is_running():
        if not stuck_processes() and not _stays_without_worker():
            return done
        verdi("daemon", "stop")
    else:
        _forget_killed_daemon()
    stuck = stuck_processes()  # now, as the stop itself may have interrupted a submission
    if stuck:
        _leave_postgresql()
        verdi("process", "repair", "--force")
        done.append(f"revived {', '.join(map(str, sorted(stuck)))}")
    verdi("daemon", "start")
    done.append("started the daemon")
    return done


def _forget_killed_daemon() -> None:
    """Remove what a daemon leaves that is killed: AiiDA would wait for an answer from its PID, and a worker that starts
    before the new broker would connect to the sockets of the old one and never get a task."""
    from aiida.brokers.zeromq.broker import ZeromqBroker
    from aiida.brokers.zeromq.service import ZeromqBrokerService
    from aiida.engine.daemon.client import get_daemon_client
    from aiida.manage import get_config, get_manager

    Path(get_daemon_client().circus_pid_file).unlink(missing_ok=True)
    broker = get_manager().get_broker()
    if isinstance(broker, ZeromqBroker) and not broker.check_service_reachable():
        files = get_config().filepaths(get_manager().get_profile())["broker_service"]
        ZeromqBrokerService.FilepathLayout(files["dir"], files["log"]).sockets_file.unlink(missing_ok=True)


def _leave_postgresql() -> None:
    """Close this process's own connection before AiiDA's repair ends it; the next query opens one."""
    from aiida.manage import get_manager

    from ..status import release_database

    profile = get_manager().get_profile()
    if profile is not None and profile.storage_backend == "core.psql_dos":
        release_database()
        get_manager().get_profile_storage().get_session().get_bind().dispose()


def _play() -> list[str]:
    """Play paused processes, again until they go on: a worker that has just started does not know them yet."""
    paused = rest = paused_processes()
    end = time.monotonic() + PATIENCE
    while rest and time.monotonic() < end:
        verdi("process", "play", *map(str, sorted(rest)))
        time.sleep(1.0)
        rest = paused_processes()
    played = sorted(paused.keys() - rest.keys())
    return [f"played {', '.join(map(str, played))}"] if played else []


def _stays_without_worker() -> bool:
    """Whether the broker has no worker, not even one that is perhaps starting, or holds on to one that has ended."""
    end = time.monotonic() + PATIENCE
    while broker_has_no_worker() or broker_waits_for_the_dead():
        if time.monotonic() > end:
            return True
        time.sleep(1.0)
    return False


def verdi(*arguments: str) -> str:
    """Output of ``verdi`` for the loaded profile.

    :raises InputError: it did not succeed.
    """
    from aiida.manage import get_manager

    profile = get_manager().get_profile()
    assert profile is not None
    command = [sys.executable, "-m", "aiida", "-p", profile.name, *arguments]
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )  # of an environment not active
    environment = {**os.environ, "PATH": path}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if answer.returncode:
        last = (answer.stdout + answer.stderr).strip().splitlines()
        raise InputError(
            "daemon", f"verdi {' '.join(arguments)} failed ({last[-1] if last else '?'})", "run it yourself"
        )
    return answer.stdout
