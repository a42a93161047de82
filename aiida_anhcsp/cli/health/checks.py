"""The doctor's checks, one function each."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ... import __version__
from ...version import differs
from ..daemon import broker_has_no_worker, daemon_is_running
from .finding import Finding
from .tasks import REPAIR, active_processes, orphans, stuck_processes

if TYPE_CHECKING:
    from aiida.orm import Computer, InstalledCode

ENGINE = "anhcsp-engine"
LEAST_GIGABYTES = 5.0
"""A study of a few thousand structures leaves that much behind."""


def check_daemon() -> Iterator[Finding]:
    """The daemon runs, and the broker has its workers."""
    lost = orphans()
    if lost:
        yield Finding("daemon", f"{len(lost)} processes of a daemon that is gone still work", REPAIR)
    if not daemon_is_running():
        yield Finding("daemon", "is not running, so nothing goes on", "run verdi daemon start")
    elif broker_has_no_worker():
        yield Finding("daemon", "the broker has given up its workers", REPAIR)
    elif not lost:
        yield Finding("daemon", "runs")


def check_processes() -> Iterator[Finding]:
    """Every active process has a task at the broker."""
    stuck = stuck_processes()
    if stuck:
        yield Finding("processes", f"{', '.join(map(str, sorted(stuck)))} wait for nobody", REPAIR)
    else:
        yield Finding("processes", f"{len(active_processes())} at work, none stuck")


def check_slots() -> Iterator[Finding]:
    """Waiting work chains have not taken all slots of the workers."""
    from ..slots import available_slots

    slots, active = available_slots(), len(active_processes())
    if slots is None:
        return
    if active >= slots:
        fix = "run verdi daemon incr, or verdi config set daemon.worker_process_slots NUMBER and verdi daemon restart"
        yield Finding("slots", f"{active} processes for {slots} slots: parents may wait for children for ever", fix)
    else:
        yield Finding("slots", f"{active} of {slots} taken")


def check_codes() -> Iterator[Finding]:
    """Every engine is there, and of the plugin's version; every other code is there."""
    from aiida.common.exceptions import ValidationError
    from aiida.orm import InstalledCode, QueryBuilder

    for code in QueryBuilder().append(InstalledCode).all(flat=True):
        name = f"code {code.full_label}"
        if code.is_hidden:
            continue
        try:
            code.validate_filepath_executable()
        except ValidationError as error:
            yield Finding(name, str(error), "correct it with verdi code create, or hide it with verdi code hide")
            continue
        if code.filepath_executable.name != ENGINE:
            yield Finding(name, f"{code.filepath_executable} is there")
            continue
        version = engine_version(code)
        if version is None:
            fix = f"log in there and run {code.filepath_executable} --version"
            yield Finding(name, f"{code.filepath_executable} --version does not answer", fix)
        elif differs(version):
            fix = f"run pip install 'aiida-anhcsp[engine]=={__version__}' there"
            yield Finding(name, f"is version {version}, the plugin {__version__}", fix)
        else:
            yield Finding(name, f"version {version}")


def check_weights() -> Iterator[Finding]:
    """The file of every potential is the one that was stored."""
    from aiida.orm import QueryBuilder

    from ...data.potential import PotentialData

    potentials = QueryBuilder().append(PotentialData).all(flat=True)
    broken = [
        node
        for node in potentials
        if hashlib.sha256(node.get_content(mode="rb")).hexdigest() != node.base.attributes.get("sha256")
    ]
    for node in broken:
        yield Finding(f"potential {node.pk}", "its file is not the one that was stored", "import it again")
    if not broken:
        yield Finding("potentials", f"{len(potentials)} stored, all files as they were")


def check_disk() -> Iterator[Finding]:
    """There is room where jobs run."""
    from aiida.orm import Computer, QueryBuilder

    for computer in QueryBuilder().append(Computer).all(flat=True):
        name = f"disk of {computer.label}"
        if not computer.is_configured:
            yield Finding(name, "the computer is not configured", f"run verdi computer configure for {computer.label}")
            continue
        free = free_gigabytes(computer)
        if free is None:
            yield Finding(name, "the computer does not answer", f"run verdi computer test {computer.label}")
        elif free < LEAST_GIGABYTES:
            yield Finding(name, f"{free:.1f} GB free", f"make room for {LEAST_GIGABYTES:g} GB")
        else:
            yield Finding(name, f"{free:.0f} GB free")


def engine_version(code: InstalledCode) -> str | None:
    """Version that an engine says it is, None where it does not answer."""
    answer = _ask(code.computer, f"{shlex.quote(str(code.filepath_executable))} --version")
    return answer.split()[-1] if answer else None


def free_gigabytes(computer: Computer) -> float | None:
    """Free space where a computer's jobs run, None where it does not answer."""
    from aiida.manage import get_manager

    user = get_manager().get_profile_storage().default_user
    folder = computer.get_workdir().format(username=user.email.split("@")[0])
    answer = _ask(computer, f"df -Pk {shlex.quote(folder)} || df -Pk .")
    lines = (answer or "").splitlines()
    return int(lines[-1].split()[3]) / 1e6 if len(lines) > 1 else None


def _ask(computer: Computer, command: str) -> str | None:
    """What a computer answers to a command, None where it does not."""
    from aiida.common.exceptions import AiidaException

    try:
        with computer.get_transport() as transport:
            status, output, _ = transport.exec_command_wait(command)
    except (AiidaException, OSError):
        return None
    return output.strip() if status == 0 else None
