"""``aiida-anhcsp setup``: this machine as a computer, and the codes on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from aiida.cmdline.utils.decorators import with_dbenv

from ..engine.errors import InputError

if TYPE_CHECKING:
    from aiida.orm import Computer, InstalledCode

COMPUTER = "localhost"
ENGINE = "anhcsp-engine"
GPAW = "gpaw-python"
GPAW_PREPEND = "unset PYTHONPATH PYTHONHOME"
"""The daemon's jobs inherit its PYTHONPATH, and with it packages that GPAW's own interpreter cannot load."""


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
@with_dbenv()
def command(engine: Path, gpaw_python: Path, work_dir: Path | None) -> None:
    """Set up this machine: computer localhost, codes anhcsp-engine and gpaw-python.

    What is there already is kept. Clusters are set up with verdi computer setup and verdi code create; the engine is
    installed there by pip install '.[engine]' in a checkout.
    """
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
