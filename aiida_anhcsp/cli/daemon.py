"""The daemon that works on a run: is it there, and does it get its tasks?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

PATIENCE = 30.0
"""Seconds without a worker after which the workers are started again."""
START = 120.0
"""Seconds that workers may take to start on a busy machine."""


class Supervisor:
    """Notices a daemon whose workers no longer get tasks, and restarts these workers.

    AiiDA's ZeroMQ broker (2.9.4) gives up a worker that is silent for six seconds, as on a machine that was asleep or
    very busy; the worker lives on but does not subscribe again, and everything waits for ever. On a busy machine it can
    also miss that a worker has ended, and its tasks wait for that one. They are safe on the broker's disk: a new worker
    takes them up.
    """

    def __init__(self) -> None:
        self._deadline = time.monotonic() + START

    def check(self) -> str | None:
        """Look once; if no worker was there for too long, start the workers again and say so."""
        now = time.monotonic()
        if not daemon_is_running() or not (broker_has_no_worker() or broker_waits_for_the_dead()):
            self._deadline = max(self._deadline, now + PATIENCE)
            return None
        if now < self._deadline:
            return None
        from aiida.engine.daemon.client import get_daemon_client

        get_daemon_client().restart_daemon()
        self._deadline = now + START
        return "the broker had lost sight of the daemon's workers; they were started again, and the run goes on"


def daemon_is_running() -> bool:
    """Whether the daemon of the loaded profile runs; AiiDA's own answer is yes after a SIGKILL too."""
    import psutil
    from aiida.engine.daemon.client import get_daemon_client

    number = get_daemon_client().get_daemon_pid()
    if number is None:
        return False
    try:
        process = psutil.Process(number)
        return process.status() != psutil.STATUS_ZOMBIE and "daemon" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def broker_has_no_worker() -> bool:
    """Whether tasks wait at the ZeroMQ broker of the loaded profile and no worker has subscribed to them."""
    status = _broker_status()
    return bool(status.get("pending_tasks") and status.get("task_subscribers") == 0)


def broker_waits_for_the_dead() -> bool:
    """Whether tasks are in the hands of more workers than the daemon of the loaded profile has."""
    from aiida.engine.daemon.client import DaemonException, get_daemon_client

    status = _broker_status()
    if not status.get("in_flight_tasks"):
        return False
    try:
        return int(status.get("task_subscribers", 0)) > get_daemon_client().get_number_of_workers()
    except DaemonException:  # it does not answer now, so nothing is known
        return False


def _broker_status() -> Mapping[str, Any]:
    """What the ZeroMQ broker of the loaded profile says of itself; nothing where it is not reached, or another one."""
    from aiida.brokers.zeromq.broker import ZeromqBroker
    from aiida.manage import get_manager

    broker = get_manager().get_broker()
    if not isinstance(broker, ZeromqBroker):
        return {}
    status = broker.probe_service_status()
    return status if status.get("connected") else {}
