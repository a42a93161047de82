"""What a daemon worker does when its PostgreSQL server goes away, at a restart of it for instance.

AiiDA's session is unusable from then on, and every process that the worker touches would except: lost for good, as an
excepted process has no checkpoint. A worker that ends instead loses nothing. The daemon starts a new one, which takes
the processes on from their checkpoints, as after a crash of the machine.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

logger = logging.getLogger("aiida.anhcsp")

INTERVAL = 1.0
"""Seconds between attempts to reach the server."""


def watch_the_database() -> None:
    """From now on, in a daemon worker only: the first sign of a lost server ends the process, once the server is back.

    Waiting keeps the daemon from starting worker after worker that cannot work.
    """
    if sys.argv[-2:] != ["daemon", "worker"]:
        return
    from sqlalchemy import Engine, event

    if not event.contains(Engine, "handle_error", end_if_lost):
        event.listen(Engine, "handle_error", end_if_lost)


def end_if_lost(context: ExceptionContext) -> None:
    """End this process if the error is the loss of the server, and not an error of the statement."""
    if is_lost(context):
        logger.error("lost the database: %s; this worker ends when it is back", context.original_exception)
        await_server(context)
        os._exit(1)


def is_lost(context: ExceptionContext) -> bool:
    """Whether the connection is broken, or none was to be had."""
    if context.dialect.name != "postgresql":
        return False
    return context.is_disconnect or context.connection is None


def await_server(context: ExceptionContext) -> None:
    """Return when the server takes connections again."""
    assert context.engine is not None and context.dialect.loaded_dbapi is not None
    arguments, options = context.dialect.create_connect_args(context.engine.url)
    while True:
        try:
            context.dialect.connect(*arguments, **options).close()
        except context.dialect.loaded_dbapi.OperationalError:
            time.sleep(INTERVAL)
        else:
            return
