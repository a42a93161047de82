"""The doctor's checks, one function each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ... import __version__
from ...version import ENGINE, differs
from ..daemon import broker_has_no_worker, daemon_is_running
from .finding import Finding
from .machines import engine_version, free_gigabytes, run_line
from .tasks import REPAIR, active_processes, orphans, paused_processes, stuck_processes

if TYPE_CHECKING:
    from aiida.orm import InstalledCode

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
    """Every active process has a task at the broker, and none is paused."""
    stuck, paused = stuck_processes(), paused_processes()
    if stuck:
        yield Finding("processes", f"{', '.join(map(str, sorted(stuck)))} wait for nobody", REPAIR)
    for number, reason in paused.items():
        fix = f"mend the cause and run verdi process play {number}"
        yield Finding(f"process {number}", f"paused: {reason or 'no reason is known'}", fix)
    if not stuck and not paused:
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
    """Every engine is there, and of the plugin's version; every other code is there, unless a container holds it."""
    from aiida.common.exceptions import ValidationError
    from aiida.orm import ContainerizedCode, InstalledCode, QueryBuilder

    for code in QueryBuilder().append((InstalledCode, ContainerizedCode)).all(flat=True):
        name, path = f"code {code.full_label}", code.filepath_executable
        contained = isinstance(code, ContainerizedCode)
        if code.is_hidden:
            continue
        try:
            if not contained:
                code.validate_filepath_executable()
        except ValidationError as error:
            yield Finding(name, str(error), "correct it with verdi code create, or hide it with verdi code hide")
            continue
        if path.name == ENGINE:
            yield check_engine(name, code)
        else:
            looked_at = path.is_absolute() and not contained
            yield Finding(name, f"{path} is there" if looked_at else f"{path} is only found by its jobs")


def check_engine(name: str, code: InstalledCode) -> Finding:
    """An engine answers as a job would run it, and is of the plugin's version."""
    version = engine_version(code)
    if version is None:
        fix = "log in there and run it, after the prepend texts of computer and code"
        return Finding(name, f"{run_line(code, '--version')} does not answer", fix)
    if differs(version):
        fix = f"install version {__version__} there (pip install '.[engine]' in its checkout)"
        return Finding(name, f"is version {version}, the plugin {__version__}", fix)
    return Finding(name, f"version {version}")


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
