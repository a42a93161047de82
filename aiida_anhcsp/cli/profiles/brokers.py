"""The message broker of a profile: AiiDA's own ZeroMQ, or a RabbitMQ server."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import unquote, urlsplit

from aiormq import connect
from aiormq.exceptions import AMQPError, AuthenticationError, ConnectionClosed, ProbableAuthenticationError
from pamqp.exceptions import AMQPInternalError

from ...engine.errors import InputError
from .secrets import ask_password

ZEROMQ = "zeromq"
OPTION = "--broker"
PASSWORD = "ANHCSP_BROKER_PASSWORD"
FORM = f"give {ZEROMQ}, or amqp://USER@HOST:PORT/VIRTUAL_HOST of a RabbitMQ server"
TIMEOUT = 10.0
"""Seconds that a server may take to answer."""
FORGETFUL = (3, 8, 15)
"""From this version on RabbitMQ takes a task back that is not done within minutes, as AiiDA's never are."""


def parse_broker(text: str) -> tuple[str, dict[str, Any]]:
    """Entry point and settings of AiiDA's broker, from ``zeromq`` or the URI of a RabbitMQ server.

    The password of a RabbitMQ server is asked for.

    :raises InputError: no such broker, or a URI with a password inside.
    """
    if text == ZEROMQ:
        from aiida.plugins import BrokerFactory

        return "core.zeromq", dict(BrokerFactory("core.zeromq").get_default_config())
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InputError(OPTION, f"is no URI ({error})", FORM) from None
    if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
        raise InputError(OPTION, "is neither", FORM)
    if parts.password is not None:
        fix = f"leave it out, and set {PASSWORD} or type it when you are asked"
        raise InputError(OPTION, "holds a password, which others can read on the command line", fix)
    user = unquote(parts.username or "guest")
    return "core.rabbitmq", {
        "broker_protocol": parts.scheme,
        "broker_username": user,
        "broker_password": ask_password(PASSWORD, f"{user} at the RabbitMQ server {parts.hostname}"),
        "broker_host": parts.hostname,
        "broker_port": port or (5671 if parts.scheme == "amqps" else 5672),
        "broker_virtual_host": parts.path.removeprefix("/"),
    }


def check_rabbitmq(config: dict[str, Any]) -> tuple[int, ...]:
    """Version of the RabbitMQ server that these settings lead to.

    :raises InputError: it does not answer, refuses the user, or has no such virtual host for this user.
    """
    from aiida.brokers.rabbitmq.utils import get_rmq_url

    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it reports each refusal, as the lines below do
    server = f"{config['broker_host']}:{config['broker_port']}"
    user, virtual_host = config["broker_username"], config["broker_virtual_host"] or "/"
    try:
        version = asyncio.run(_version(get_rmq_url(**{key.removeprefix("broker_"): config[key] for key in config})))
    except (AuthenticationError, ProbableAuthenticationError):
        fix = f"correct user or password; as administrator: rabbitmqctl add_user {user}"
        raise InputError(OPTION, f"{server} refuses {user} with this password", fix) from None
    except (ConnectionClosed, AMQPInternalError) as error:  # the latter where the refusal is the answer to opening
        reason = getattr(error.args[-1], "reply_text", error.args[-1])
        rights = f"rabbitmqctl set_permissions -p {virtual_host} {user} '.*' '.*' '.*'"
        fix = f"as administrator: rabbitmqctl add_vhost {virtual_host}; {rights}"
        problem = f"{server} refuses the virtual host {virtual_host} to {user} ({reason})"
        raise InputError(OPTION, problem, fix) from None
    except (OSError, TimeoutError) as error:
        fix = "start it, correct host and port, or take --broker zeromq, which needs no server"
        raise InputError(OPTION, f"no RabbitMQ server answers at {server} ({error})", fix) from None
    except AMQPError as error:
        raise InputError(OPTION, f"{server} refuses the connection ({error!r})", "see the log of the server") from None
    return tuple(int(number) for number in version.split(".") if number.isdigit())


async def _version(url: str) -> str:
    connection = await asyncio.wait_for(connect(url), TIMEOUT)
    try:
        version = connection.server_properties["version"]
        return version.decode() if isinstance(version, bytes) else str(version)
    finally:
        await connection.close()


def advice(version: tuple[int, ...]) -> str | None:
    """What a RabbitMQ server of this version has to be told, or nothing."""
    if version < FORGETFUL:
        return None
    return (
        f"RabbitMQ {'.'.join(map(str, version))} takes back tasks that last longer than its consumer_timeout (30 min): "
        "have [{rabbit, [{consumer_timeout, undefined}]}]. in its advanced.config, then "
        "verdi config set warnings.rabbitmq_version false"
    )
