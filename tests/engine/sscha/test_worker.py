import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aiida_anhcsp.engine.frames import write_frames

from ..endless import gone, processes_in, soon
from .toy import crystal

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("processes", [1, 2])
def test_workers_end_with_the_command_that_started_them(tmp_path, how, processes):
    write_frames(tmp_path / "crystal.extxyz", [crystal()])
    told = tmp_path / "told"
    potential = f"ase:tests.engine.endless:Endless:{json.dumps({'told': str(told)})}"
    options = ["--potential", potential, "--pressure", "0", "--temperature", "0", "--stages", "1x1x1:20", "--seed", "1"]
    options += ["--processes", str(processes)]
    line = [sys.executable, "-m", "aiida_anhcsp.engine.cli.main", "sscha", str(tmp_path / "crystal.extxyz")]
    engine = subprocess.Popen([*line, str(tmp_path / "out"), *options], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        workers = processes_in(told, 1)
        assert engine.pid not in workers and not any(gone(worker) for worker in workers)
    finally:
        engine.send_signal(how)
        engine.wait()
    assert soon(lambda: all(gone(worker) for worker in workers))
