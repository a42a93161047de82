"""A potential that never answers, to see what becomes of its process."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from .sscha.toy import QuarticBond

PATIENCE = 120.0


class Endless(QuarticBond):
    """A toy that adds its process to a file and never comes to an end."""

    def __init__(self, told: str) -> None:
        super().__init__()
        self.told = Path(told)

    def calculate(self, *arguments: Any, **keywords: Any) -> None:
        with self.told.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(10 * PATIENCE)


def soon(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true while one is patient."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def processes_in(told: Path, number: int) -> list[int]:
    """Processes that a file names, once there are so many."""
    assert soon(lambda: told.exists() and told.read_text().count("\n") >= number)
    return [int(line) for line in told.read_text().split()]


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
