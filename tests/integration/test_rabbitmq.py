"""``aiida-anhcsp setup`` on real servers, and a search on PostgreSQL over RabbitMQ."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import yaml

from ..requirements import need
from .conftest import BIN

ROOT = Path(__file__).parents[2]
NAME = "test-rabbitmq"
SEARCH = {"formula": "Cu3Au", "pressure": 10, "population": 4, "generations": 2, "seed": 8}
INPUT = {"potential": "ase:ase.calculators.emt:EMT", "search": {**SEARCH, "relax": {"fmax": 0.05, "max_steps": 60}}}


def script(name: str, *arguments: str) -> str:
    """Output of a server's script."""
    command = [ROOT / "scripts" / name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@dataclass
class Servers:
    """Where the two servers are, and their passwords as ``setup`` takes them."""

    database_port: str
    broker_port: str
    passwords: dict[str, str] = field(repr=False)

    def run(self, program: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """A program of this environment, which may fail."""
        return subprocess.run(
            [BIN / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **self.passwords, **environment},
        )

    def setup(self, user: str = "aiida", broker: str = "aiida", host: str = "anhcsp", **environment: str) -> str:
        """Exit status and output of a setup as these users of the database and the broker."""
        done = self.run(
            "aiida-anhcsp",
            *("setup", "--new-profile", NAME, "--database", "postgresql", "--database-port", self.database_port),
            *("--database-user", user, "--broker", f"amqp://{broker}@127.0.0.1:{self.broker_port}/{host}"),
            **environment,
        )
        return f"{done.returncode} {done.stderr}{done.stdout}"


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Both servers of this checkout, running, without a database for the profile."""
    need(Path("/usr/lib/rabbitmq/bin/rabbitmq-server").exists(), "a RabbitMQ server", "rabbitmq-server")
    try:
        script("rabbitmq.sh", "start")
        script("postgres.sh", "drop", NAME)
        yield Servers(
            script("postgres.sh", "port"),
            script("rabbitmq.sh", "port"),
            {
                "ANHCSP_DATABASE_PASSWORD": script("postgres.sh", "password"),
                "ANHCSP_BROKER_PASSWORD": script("rabbitmq.sh", "password"),
            },
        )
    finally:
        script("rabbitmq.sh", "stop")
    assert script("rabbitmq.sh", "running") == "no"


@pytest.fixture
def guest(servers: Servers) -> Iterator[str]:
    """A user of the PostgreSQL server who may log in and nothing else; the password is the owner's."""
    password = servers.passwords["ANHCSP_DATABASE_PASSWORD"]
    where = f"host=127.0.0.1 port={servers.database_port} user=aiida dbname=postgres"
    with closing(psycopg.connect(where, password=password, autocommit=True)) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute(psycopg.sql.SQL("CREATE ROLE guest LOGIN PASSWORD {}").format(password))
        yield "guest"
        connection.execute("DROP ROLE guest")


def test_what_real_servers_lack_is_said_and_nothing_is_made(servers: Servers, guest: str) -> None:
    answers = {
        "refuses aiida with this password; correct --database-user": servers.setup(ANHCSP_DATABASE_PASSWORD="wrong"),
        f"no database {NAME}, and guest cannot make it": servers.setup(user=guest),
        "refuses aiida with this password; correct user": servers.setup(ANHCSP_BROKER_PASSWORD="wrong"),
        "refuses the virtual host attic to aiida": servers.setup(host="attic"),
    }
    script("postgres.sh", "database", NAME)
    answers[f"guest may not make tables in the database {NAME}"] = servers.setup(user=guest)
    script("postgres.sh", "drop", NAME)
    for words, answer in answers.items():
        assert answer.startswith("2 Error: "), answer
        assert words in answer
        assert len(answer.splitlines()) == 1, answer
        assert all(password not in answer for password in servers.passwords.values())
    assert NAME not in servers.run("verdi", "profile", "list").stdout


def test_a_search_runs_over_rabbitmq_on_postgresql(servers: Servers, tmp_path: Path) -> None:
    made = servers.setup()
    assert made.startswith("0 "), made
    assert "consumer_timeout" in made
    try:
        servers.run("verdi", "-p", NAME, "config", "set", "warnings.rabbitmq_version", "false").check_returncode()
        servers.run("verdi", "-p", NAME, "daemon", "start").check_returncode()
        (tmp_path / "input.yaml").write_text(yaml.safe_dump(INPUT))
        launched = servers.run("aiida-anhcsp", "-p", NAME, "launch", "search", tmp_path / "input.yaml")
        number = re.search(r"PK (\d+)", launched.stdout)
        assert number is not None, launched.stdout + launched.stderr
        watched = servers.run("aiida-anhcsp", "-p", NAME, "status", number.group(1), "--watch")
        assert watched.returncode == 0, watched.stdout + watched.stderr
        assert "generation 2 of 2" in watched.stdout
        health = servers.run("aiida-anhcsp", "-p", NAME, "doctor")
        assert health.returncode == 0, health.stdout + health.stderr
        assert "0 at work, none stuck" in health.stdout
        assert "AuCu3" in servers.run("aiida-anhcsp", "-p", NAME, "ranking", number.group(1)).stdout
    finally:
        servers.run("verdi", "-p", NAME, "daemon", "stop").check_returncode()
        servers.run("verdi", "profile", "delete", NAME, "--force", "--keep-data").check_returncode()
        script("postgres.sh", "drop", NAME)
