from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from psycopg import OperationalError
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError as Wrapped

from aiida_anhcsp import lost_database
from aiida_anhcsp.lost_database import await_server, is_lost, watch_the_database


@pytest.mark.parametrize(
    ("database", "disconnected", "connection", "lost"),
    [
        ("postgresql", True, object(), True),
        ("postgresql", False, None, True),
        ("postgresql", False, object(), False),
        ("sqlite", True, None, False),
    ],
)
def test_what_counts_as_a_lost_database(database, disconnected, connection, lost):
    context = SimpleNamespace(dialect=SimpleNamespace(name=database), is_disconnect=disconnected, connection=connection)
    assert is_lost(context) is lost


def test_a_worker_ends_when_the_server_it_cannot_reach_is_back(monkeypatch):
    ends = []
    monkeypatch.setattr(sys, "argv", ["verdi", "-p", "production", "daemon", "worker"])
    monkeypatch.setattr(lost_database, "await_server", lambda context: ends.append("the server is back"))
    monkeypatch.setattr(lost_database.os, "_exit", ends.append)
    for _ in range(2):
        watch_the_database()
    try:
        with pytest.raises(Wrapped):
            create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing").connect()
    finally:
        from sqlalchemy import Engine, event

        event.remove(Engine, "handle_error", lost_database.end_if_lost)
    assert ends == ["the server is back", 1]


def test_other_programs_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["verdi", "process", "list"])
    monkeypatch.setattr(lost_database.os, "_exit", lambda status: pytest.fail("it ended"))
    watch_the_database()
    with pytest.raises(Wrapped):
        create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing").connect()


def test_waiting_lasts_until_the_server_answers(monkeypatch):
    answers = iter([OperationalError("refused"), OperationalError("starting up"), SimpleNamespace(close=lambda: None)])

    def connect(**options):
        answer = next(answers)
        if isinstance(answer, OperationalError):
            raise answer
        return answer

    dialect = SimpleNamespace(
        create_connect_args=lambda url: ([], {"host": url}),
        connect=connect,
        loaded_dbapi=SimpleNamespace(OperationalError=OperationalError),
    )
    pauses: list[float] = []
    monkeypatch.setattr(lost_database.time, "sleep", pauses.append)
    await_server(SimpleNamespace(engine=SimpleNamespace(url="server"), dialect=dialect))
    assert pauses == [lost_database.INTERVAL] * 2
