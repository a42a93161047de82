import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from aiida_anhcsp.engine.frames import write_frames

from .toy import QuarticBond, crystal

ROOT = Path(__file__).parents[3]
PATIENCE = 120.0


class Endless(QuarticBond):
    """A toy that tells its process and never comes to an end."""

    def __init__(self, told: str) -> None:
        super().__init__()
        self.told = Path(told)

    def calculate(self, *arguments: Any, **keywords: Any) -> None:
        self.told.write_text(f"{os.getpid()}\n")
        time.sleep(10 * PATIENCE)


def soon(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true while one is patient."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_worker_ends_with_the_command_that_started_it(tmp_path, how):
    write_frames(tmp_path / "crystal.extxyz", [crystal()])
    told = tmp_path / "told"
    potential = f'ase:{__name__}:Endless:{{"told": "{told}"}}'
    options = ["--potential", potential, "--pressure", "0", "--temperature", "0", "--stages", "1x1x1:20", "--seed", "1"]
    line = [sys.executable, "-m", "aiida_anhcsp.engine.cli.main", "sscha", str(tmp_path / "crystal.extxyz")]
    engine = subprocess.Popen([*line, str(tmp_path / "out"), *options], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        assert soon(lambda: told.exists() and told.read_text().endswith("\n"))
        worker = int(told.read_text())
        assert worker != engine.pid and not gone(worker)
    finally:
        engine.send_signal(how)
        engine.wait()
    assert soon(lambda: gone(worker))
