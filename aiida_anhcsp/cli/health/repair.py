"""Put the daemon in order, as far as AiiDA can."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from ...engine.errors import InputError
from ..daemon import broker_has_no_worker, daemon_is_running
from .tasks import orphans, stuck_processes

PATIENCE = 20.0
"""Seconds that orphans have to end and workers to start."""


def repair() -> list[str]:
    """Stop orphans, give stuck processes a task again, start the daemon; says what was done, nothing if all was well.

    :raises InputError: AiiDA cannot do one of these.
    """
    import psutil
    from aiida.engine.daemon.client import get_daemon_client

    done = []
    lost = orphans()
    if lost:
        for process in lost:
            process.terminate()
        _, alive = psutil.wait_procs(lost, timeout=PATIENCE)
        for process in alive:
            process.kill()
        done.append(f"stopped {len(lost)} processes that had lost their daemon")
    if daemon_is_running():
        if not stuck_processes() and not _stays_without_worker():
            return done
        verdi("daemon", "stop")
    else:  # of a daemon that was killed AiiDA has the PID, and would wait for its answer
        Path(get_daemon_client().circus_pid_file).unlink(missing_ok=True)
    stuck = stuck_processes()  # now, as the stop itself may have interrupted a submission
    if stuck:
        verdi("process", "repair", "--force")
        done.append(f"revived {', '.join(map(str, sorted(stuck)))}")
    verdi("daemon", "start")
    done.append("started the daemon")
    return done


def _stays_without_worker() -> bool:
    """Whether the broker has no worker, nor gets the one that is perhaps starting."""
    end = time.monotonic() + PATIENCE
    while broker_has_no_worker():
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
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        last = (answer.stdout + answer.stderr).strip().splitlines()
        raise InputError(
            "daemon", f"verdi {' '.join(arguments)} failed ({last[-1] if last else '?'})", "run it yourself"
        )
    return answer.stdout
