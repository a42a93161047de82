"""Slots of the daemon's workers: a work chain holds one while it waits for its children."""

from __future__ import annotations

from pydantic import BaseModel

from ..engine.errors import InputError
from .inputs.models import CspInput, SearchInput, SearchKeys

LEAF = 1
"""The job that all others wait for needs a slot as well."""


def waiting_parents(described: BaseModel) -> int:
    """Most work chains of a run that wait at one time, each for a child.

    A search waits for labels or a training, which wait for their jobs, or for as many SSCHA runs as may run at a time;
    the whole path waits for all its searches, or for such runs.
    """
    if isinstance(described, CspInput):
        pressures = max(
            len(described.pressures or [described.search.pressure]),
            len(described.production.pressures) if described.production else 0,
        )
        return 1 + max(pressures * _searching(described), described.sscha.max_concurrent)
    if isinstance(described, SearchInput) and described.sscha is not None:
        return 1 + described.sscha.max_concurrent
    return _searching(described) if isinstance(described, SearchInput) else 1


def available_slots() -> int | None:
    """Slots of all workers of the daemon that runs; None where none runs."""
    from aiida.common.exceptions import ConfigurationError
    from aiida.engine.daemon.client import DaemonException, get_daemon_client
    from aiida.manage.configuration import get_config_option

    try:
        client = get_daemon_client()
        workers = client.get_number_of_workers() if client.is_daemon_running else 0
    except (DaemonException, ConfigurationError):
        return None
    return workers * int(get_config_option("daemon.worker_process_slots")) or None


def require_slots(described: BaseModel, taken: int, slots: int | None) -> None:
    """Refuse a run whose waiting work chains could leave no slot for the job they wait for.

    :param taken: slots that other processes hold
    :param slots: all slots, None where that is unknown
    :raises InputError: there are too few.
    """
    needed = waiting_parents(described) + LEAF + taken
    if slots is not None and needed > slots:
        raise InputError(
            "daemon",
            f"this run could wait for itself for ever: it needs {needed} slots, those in use included, of {slots}",
            f"run verdi config set daemon.worker_process_slots {needed} and verdi daemon restart",
        )


def _searching(described: SearchKeys) -> int:
    return 1 + (described.learning is not None)
