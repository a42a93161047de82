"""A PostgreSQL database for a profile: found or made, and what is in the way named."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ...engine.errors import InputError

TIMEOUT = 10
"""Seconds that a server may take to answer."""
REFUSED = re.compile(r"password authentication failed|no password supplied|role .* (does not exist|is not permitted)")
ENTRANCE = re.compile(r"pg_hba\.conf")
MISSING = re.compile(r"database .* does not exist")
FORBIDDEN = re.compile(r"permission denied for database")
MAINTENANCE = "postgres"
"""The database of every server that one connects to in order to make another."""


@dataclass(frozen=True)
class PostgresDatabase:
    """Where the database is, and who goes there."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    name: str

    @property
    def server(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"

    def prepare(self) -> None:
        """Leave an empty UTF-8 database that the user may fill, made if it was not there and the user may make it.

        :raises InputError: the server does not answer or refuses the user, the database is missing and the user may not
            make it, it is in use, of another encoding, or not the user's to fill
        """
        self._reach()
        if self._is_missing():
            self._create()
        with self._connect(self.name) as connection:
            self._examine(connection)

    def storage_config(self, repository: Path) -> dict[str, Any]:
        """Settings of AiiDA's storage ``core.psql_dos``, with files in the folder ``repository``."""
        return {
            "database_hostname": self.host,
            "database_port": self.port,
            "database_username": self.user,
            "database_password": self.password,
            "database_name": self.name,
            "repository_uri": repository.absolute().as_uri(),
        }

    def _reach(self) -> None:
        try:
            socket.create_connection((self.host, self.port), timeout=TIMEOUT).close()
        except OSError as error:
            fix = "start the server, or correct --database-host and --database-port"
            raise InputError("--database-host", f"no server answers at {self.server} ({error})", fix) from None

    def _connect(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=name,
            connect_timeout=TIMEOUT,
            autocommit=True,
        )

    def _is_missing(self) -> bool:
        try:
            self._connect(self.name).close()
        except psycopg.OperationalError as error:
            reason = str(error)
        else:
            return False
        if MISSING.search(reason):
            return True
        if REFUSED.search(reason):
            fix = "correct --database-user or the password, which the administrator sets by ALTER ROLE ... PASSWORD"
            raise InputError("--database-user", f"{self.server} refuses {self.user} with this password", fix) from None
        if ENTRANCE.search(reason):
            fix = f"ask the administrator for a line in pg_hba.conf for {self.user} and {self.name}"
            raise InputError("--database-host", f"{self.server} lets nobody in from this machine", fix) from None
        if FORBIDDEN.search(reason):
            raise self._no_rights() from None
        problem = f"{self.server} refuses the connection: {reason.splitlines()[-1].strip()}"
        raise InputError("--database-host", problem, "see the log of the server") from None

    def _create(self) -> None:
        statement = sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(self.name))
        try:
            with self._connect(MAINTENANCE) as connection:
                connection.execute(statement)
        except psycopg.Error as error:
            fix = (
                f'as the server\'s administrator: CREATE DATABASE "{self.name}" OWNER "{self.user}" '
                "ENCODING 'UTF8' TEMPLATE template0"
            )
            reason = str(error).splitlines()[0]
            problem = f"{self.server} has no database {self.name}, and {self.user} cannot make it ({reason})"
            raise InputError("--database-name", problem, fix) from None

    def _examine(self, connection: psycopg.Connection[Any]) -> None:
        row = connection.execute(
            "SELECT pg_encoding_to_char(encoding), has_schema_privilege('public', 'CREATE'), "
            "to_regclass('public.db_dbnode') IS NOT NULL FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert row is not None
        encoding, may_create, taken = row
        if taken:
            fix = "give the name of another database, or connect to that profile with verdi profile setup core.psql_dos"
            raise InputError("--database-name", f"{self.name} holds an AiiDA profile already", fix)
        if encoding != "UTF8":
            fix = "make one with ENCODING 'UTF8' TEMPLATE template0"
            raise InputError("--database-name", f"{self.name} has the encoding {encoding}", fix)
        if not may_create:
            raise self._no_rights()

    def _no_rights(self) -> InputError:
        fix = f'as the server\'s administrator: ALTER DATABASE "{self.name}" OWNER TO "{self.user}"'
        return InputError("--database-user", f"{self.user} may not make tables in the database {self.name}", fix)
