"""What is wrong with a PostgreSQL server is one line; real servers are asked in tests/integration."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aiida_anhcsp.cli.profiles.postgresql import PostgresDatabase
from aiida_anhcsp.engine.errors import InputError

SECRET = "s3cr3t"


@pytest.fixture
def open_port() -> Iterator[int]:
    """A port where something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def database(open_port: int) -> PostgresDatabase:
    """The database ``crystals`` of the user ``ada`` at that port."""
    return PostgresDatabase("127.0.0.1", open_port, "ada", SECRET, "crystals")


def refusing(message: str) -> Callable[..., Any]:
    """A connection that the server refuses."""

    def connect(**_: Any) -> Any:
        raise psycopg.OperationalError(f'connection failed: connection to server at "127.0.0.1" failed: {message}')

    return connect


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('FATAL:  password authentication failed for user "ada"', "--database-user: .* refuses ada with this password"),
        ('FATAL:  role "ada" is not permitted to log in', "--database-user: .* refuses ada"),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4"', "--database-host: .* lets nobody in.*pg_hba.conf"),
        ('FATAL:  permission denied for database "crystals"', "--database-user: ada may not.*OWNER TO"),
        ('FATAL:  database "crystals" does not exist', "--database-name: .* no database crystals.*CREATE DATABASE"),
        ("FATAL:  sorry, too many clients already", "sorry, too many clients already; see the log"),
    ],
)
def test_a_refusal_names_the_option_and_the_fix(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch, message: str, words: str
) -> None:
    monkeypatch.setattr(psycopg, "connect", refusing(message))
    with pytest.raises(InputError, match=words) as caught:
        database.prepare()
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_server_that_does_not_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(InputError, match=f"no server answers at 127.0.0.1:{port}"):
        PostgresDatabase("127.0.0.1", port, "ada", SECRET, "crystals").prepare()


def test_the_password_is_not_shown(database: PostgresDatabase, tmp_path: Path) -> None:
    assert SECRET not in repr(database)
    assert database.storage_config(tmp_path)["database_password"] == SECRET
