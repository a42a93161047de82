"""``aiida-anhcsp setup``: a profile, this machine as a computer, and the codes on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from aiida.cmdline.utils.decorators import load_backend_if_not_loaded

from ..engine.errors import InputError
from ..version import ENGINE
from .profiles.brokers import PASSWORD as BROKER_PASSWORD
from .profiles.brokers import ZEROMQ

if TYPE_CHECKING:
    from aiida.orm import Computer, InstalledCode

COMPUTER = "localhost"
GPAW = "gpaw-python"
GPAW_PREPEND = "unset PYTHONPATH PYTHONHOME"
"""The daemon's jobs inherit its PYTHONPATH, and with it packages that GPAW's own interpreter cannot load."""
SQLITE, POSTGRESQL = "sqlite", "postgresql"
DATABASE_PASSWORD = "ANHCSP_DATABASE_PASSWORD"


@click.command("setup")
@click.option(
    "--engine",
    type=click.Path(path_type=Path),
    default=Path(sys.executable).with_name(ENGINE),
    help="The program anhcsp-engine.",
)
@click.option(
    "--gpaw-python",
    type=click.Path(path_type=Path),
    default=Path("/usr/bin/python3"),
    help="A Python interpreter that can import gpaw.",
)
@click.option("--work-dir", type=click.Path(path_type=Path), help="Where jobs run; .aiida/work of this AiiDA folder.")
@click.option("--new-profile", metavar="NAME", help="Make this profile first.")
@click.option(
    "--database",
    type=click.Choice([SQLITE, POSTGRESQL]),
    default=SQLITE,
    help="Of the new profile. sqlite is a file and needs no server.",
)
@click.option("--database-host", default="127.0.0.1", help="Of the PostgreSQL server.")
@click.option("--database-port", type=click.IntRange(1, 65535), default=5432, help="Of the PostgreSQL server.")
@click.option(
    "--database-user", default="aiida", help=f"Who owns the database; the password is in {DATABASE_PASSWORD}."
)
@click.option("--database-name", help="Made if it is not there and the user may.  [default: the profile's name]")
@click.option(
    "--broker",
    default=ZEROMQ,
    metavar="zeromq|amqp://USER@HOST:PORT/VIRTUAL_HOST",
    help=f"zeromq starts with the daemon; amqp is a RabbitMQ server, its password in {BROKER_PASSWORD}.",
)
@click.option("--email", default="aiida@localhost", help="Who the new profile's data belong to.")
def command(engine: Path, gpaw_python: Path, work_dir: Path | None, new_profile: str | None, **profile: Any) -> None:
    """Set up this machine: computer localhost, codes anhcsp-engine and gpaw-python; with --new-profile a profile first.

    What is there already is kept. A password that is not in its environment variable is asked for; it is no option,
    because command lines can be read by others. Each thing that a server lacks is one line, and nothing is made then.
    Clusters are set up with verdi computer setup and verdi code create; the engine is installed there by
    pip install '.[engine]' in a checkout.
    """
    from .main import require_profile

    if new_profile is not None:
        create(new_profile, **profile)
    require_profile()
    load_backend_if_not_loaded()
    computer = ensure_computer(work_dir)
    ensure_code(computer, ENGINE, engine, "--engine", "give the path of anhcsp-engine")
    ensure_code(
        computer,
        GPAW,
        gpaw_python,
        "--gpaw-python",
        "install Debian's gpaw, or give its Python interpreter",
        GPAW_PREPEND,
    )


def create(
    name: str,
    *,
    database: str,
    database_host: str,
    database_port: int,
    database_user: str,
    database_name: str | None,
    broker: str,
    email: str,
) -> None:
    """Make the profile ``name`` once both servers were found ready, and load it.

    :raises InputError: the name is taken, or one of the servers is not ready.
    """
    from aiida import load_profile

    from .profiles.brokers import advice, check_rabbitmq, parse_broker
    from .profiles.create import check_name, make_profile
    from .profiles.postgresql import PostgresDatabase
    from .profiles.secrets import ask_password

    check_name(name)
    backend, config = parse_broker(broker)
    note = advice(check_rabbitmq(config)) if broker != ZEROMQ else None
    server = None
    if database == POSTGRESQL:
        password = ask_password(DATABASE_PASSWORD, f"{database_user} at the PostgreSQL server {database_host}")
        server = PostgresDatabase(database_host, database_port, database_user, password, database_name or name)
        server.prepare()
    make_profile(name, server, (backend, config), email)
    load_profile(name, allow_switch=True)
    click.echo(f"profile {name}: created, {database} and {backend.removeprefix('core.')}")
    if note is not None:
        click.echo(f"note: {note}")


def ensure_computer(work_dir: Path | None) -> Computer:
    """The computer ``localhost``, made and configured if it is not there."""
    from aiida.common.exceptions import NotExistent
    from aiida.manage.configuration.settings import AiiDAConfigDir
    from aiida.orm import Computer, load_computer

    try:
        computer: Computer = load_computer(COMPUTER)
    except NotExistent:
        folder = work_dir or AiiDAConfigDir.get() / "work"
        folder.mkdir(parents=True, exist_ok=True)
        computer = Computer(
            label=COMPUTER,
            hostname="localhost",
            description="the machine AiiDA runs on",
            transport_type="core.local",
            scheduler_type="core.direct",
            workdir=str(folder.resolve()),
        ).store()
        computer.set_default_mpiprocs_per_machine(1)
        computer.set_minimum_job_poll_interval(1.0)
        click.echo(f"computer {COMPUTER}: created, jobs run in {folder}")
    else:
        click.echo(f"computer {COMPUTER}: exists")
    if not computer.is_configured:
        computer.configure(safe_interval=0.0, use_login_shell=False)
    return computer


def ensure_code(
    computer: Computer, label: str, executable: Path, option: str, fix: str, prepend: str = ""
) -> InstalledCode:
    """The code ``label@localhost``, made if it is not there.

    :raises InputError: the executable does not exist, or the code of that name is another executable.
    """
    from aiida.common.exceptions import NotExistent
    from aiida.orm import InstalledCode, load_code

    name = f"{label}@{computer.label}"
    path = str(executable.absolute())
    try:
        code: InstalledCode = load_code(name)
    except NotExistent:
        if not executable.is_file():
            raise InputError(option, f"no file {executable}", fix) from None
        code = InstalledCode(
            label=label, computer=computer, filepath_executable=path, with_mpi=False, prepend_text=prepend
        ).store()
        click.echo(f"code {name}: created, {path}")
        return code
    if str(code.filepath_executable) != path:
        raise InputError(
            option,
            f"code {name} is {code.filepath_executable}, not {path}",
            f"keep that one, or free its name with verdi code relabel {name} NEWLABEL",
        )
    click.echo(f"code {name}: exists")
    return code
