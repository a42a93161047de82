"""Work done in a process of its own, so that a crash of Fortran code becomes a status."""

from __future__ import annotations

import contextlib
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from ..children import die_with_parent
from ..errors import InputError


class WorkerError(RuntimeError):
    """The work failed or its process died; the message says how."""


@dataclass(frozen=True)
class PotentialChoice:
    """What ``load_potential`` needs, to be loaded where the work is done."""

    specification: str
    device: str = "cpu"
    threads: int = 1
    batch_atoms: int | None = None
    processes: int = 1


class Worker:
    """A spawned process that holds the potential and does one task after the other.

    A task is a function of :mod:`.tasks`, called with the potential and the arguments given. What Fortran and
    python-sscha print goes to ``log``; the engine's log keeps going to standard error. Without a choice the tasks are
    called with None for the potential.
    """

    def __init__(self, choice: PotentialChoice | None, log: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        alone = choice is None or choice.processes == 1
        self._process = context.Process(target=_serve, args=(theirs, choice, log), daemon=alone)  # one has no children
        with _threads(1 if choice is None else choice.threads):
            self._process.start()
        theirs.close()

    def run(self, task: str, *arguments: Any) -> Any:
        """Result of a task.

        :raises InputError: the task raised one
        :raises WorkerError: the task raised anything else, or the process died
        """
        try:
            self._connection.send((task, arguments))
            kind, content = self._connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            self._process.join()
            raise WorkerError(_death(self._process.exitcode)) from error
        if kind == "input":
            raise InputError(*content)
        if kind == "failure":
            raise WorkerError(content)
        return content

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _serve(connection: Connection, choice: PotentialChoice | None, log: Path) -> None:
    die_with_parent()
    _silence(log)
    potential = None
    while True:
        try:
            task, arguments = connection.recv()
        except EOFError:
            if potential is not None:
                potential.close()
            return
        try:
            if potential is None and choice is not None:
                potential = _load(choice)
            tasks = importlib.import_module(f"{__package__}.tasks")
            connection.send(("done", getattr(tasks, task)(potential, *arguments)))
        except InputError as error:
            connection.send(("input", (error.argument, error.problem, error.fix)))
        except Exception as error:
            traceback.print_exc()
            connection.send(("failure", f"{type(error).__name__}: {' '.join(str(error).split())}"))


def _load(choice: PotentialChoice) -> Any:
    from ..potentials import load_potential

    return load_potential(**asdict(choice))


def _silence(log: Path) -> None:
    """Send file descriptors 1 and 2 (where Fortran writes) to a file, and the engine's log to the old 2."""
    terminal = os.fdopen(os.dup(2), "w", buffering=1)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    handler = logging.StreamHandler(terminal)
    handler.setLevel(logging.INFO)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    engine = logging.getLogger("aiida_anhcsp")
    engine.addHandler(handler)
    engine.setLevel(logging.INFO)


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    """Environment of a process about to start: its numerical libraries use so many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(number)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the process was killed by {signal.Signals(-code).name}"
    return f"the process ended with status {code}"
