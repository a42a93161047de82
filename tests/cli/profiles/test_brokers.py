"""Brokers from ``zeromq`` or a URI; a real RabbitMQ server is asked in tests/integration."""

from __future__ import annotations

import socket
from typing import Any

import aiormq.exceptions as refusals
import pytest

from aiida_anhcsp.cli.profiles import brokers
from aiida_anhcsp.engine.errors import InputError

SECRET = "s3cr3t"


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings of a RabbitMQ server, the password from the environment."""
    monkeypatch.setenv(brokers.PASSWORD, SECRET)
    return brokers.parse_broker("amqps://ada%40lab@rabbit.example:1234/crystals")[1]


def test_a_uri_becomes_the_settings_of_aiida(config: dict[str, Any]) -> None:
    assert config == {
        "broker_protocol": "amqps",
        "broker_username": "ada@lab",
        "broker_password": SECRET,
        "broker_host": "rabbit.example",
        "broker_port": 1234,
        "broker_virtual_host": "crystals",
    }


def test_zeromq_needs_nothing() -> None:
    assert brokers.parse_broker("zeromq")[0] == "core.zeromq"


@pytest.mark.parametrize("text", ["rabbit", "http://localhost", "amqp://", "amqp://ada@host:port"])
def test_what_is_no_broker_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--broker: is n.*give zeromq, or amqp://"):
        brokers.parse_broker(text)


def test_a_password_on_the_command_line_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError, match=brokers.PASSWORD) as caught:
        brokers.parse_broker(f"amqp://ada:{SECRET}@localhost")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusals.ProbableAuthenticationError("ACCESS_REFUSED"), "refuses ada@lab with this password.*add_user"),
        (refusals.ConnectionNotAllowed(530, "NOT_ALLOWED - vhost crystals not found"), "not found.*add_vhost crystals"),
        (OSError("Connect call failed"), "no RabbitMQ server answers at rabbit.example:1234"),
        (TimeoutError(), "no RabbitMQ server answers"),
    ],
)
def test_a_refusal_is_one_line_with_the_fix(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    async def refuse(_: str) -> None:
        raise error

    monkeypatch.setattr(brokers, "connect", refuse)
    with pytest.raises(InputError, match=words) as caught:
        brokers.check_rabbitmq(config)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_server_that_is_not_there_is_named(config: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    config.update(broker_protocol="amqp", broker_host="127.0.0.1", broker_port=port)
    with pytest.raises(InputError, match=f"no RabbitMQ server answers at 127.0.0.1:{port}"):
        brokers.check_rabbitmq(config)


def test_only_servers_that_take_tasks_back_need_advice() -> None:
    assert brokers.advice((3, 8, 14)) is None
    assert "consumer_timeout" in str(brokers.advice((3, 10, 8)))
