"""A profile, its storage and its broker."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

from aiida.common.exceptions import StorageMigrationError
from aiida.manage.configuration import create_profile, get_config
from aiida.manage.configuration.settings import AiiDAConfigDir

from ...engine.errors import InputError
from .postgresql import PostgresDatabase

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
DAEMON_TIMEOUT = 60
"""Seconds; AiiDA's 2 are short on a busy machine."""


def check_name(name: str) -> None:
    """A name that is free and can be that of a folder.

    :raises InputError: it is not.
    """
    if not NAME.fullmatch(name):
        raise InputError("--new-profile", f"{name!r} is no name", "use letters, digits, and - _ . inside")
    if name in get_config(create=True).profile_names:
        fix = f"run aiida-anhcsp -p {name} setup to add computer and codes, or give another name"
        raise InputError("--new-profile", f"there is a profile {name} already", fix)


def make_profile(name: str, database: PostgresDatabase | None, broker: tuple[str, dict[str, Any]], email: str) -> None:
    """Make a profile; it becomes the default where there was none.

    :param database: a PostgreSQL database that was prepared; sqlite, in AiiDA's folder, where there is none
    :raises InputError: AiiDA cannot fill the storage.
    """
    folder = AiiDAConfigDir.get() / "storage" / name
    if database is None:
        backend, storage = "core.sqlite_dos", {"filepath": str(folder)}
    else:
        backend, storage = "core.psql_dos", database.storage_config(folder)
    config = get_config()
    try:
        create_profile(
            config,
            name=name,
            email=email,
            storage_backend=backend,
            storage_config=storage,
            broker_backend=broker[0],
            broker_config=broker[1],
        )
    except StorageMigrationError as error:
        reason = str(error).splitlines()[-1]
        problem = f"its storage was not made ({reason})"
        raise InputError("--new-profile", problem, f"see {folder} and the database") from None
    if database is None:
        let_readers_and_writers_in(folder / "database.sqlite")
    config.set_option("daemon.timeout", DAEMON_TIMEOUT, scope=name)
    if config.default_profile_name is None:
        config.set_default_profile(name)
    config.store()


def let_readers_and_writers_in(path: Path) -> None:
    """A reader, such as verdi or a progress display, must not keep the daemon from writing (aiida-core #6532)."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
