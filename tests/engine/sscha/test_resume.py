"""The same command once more: what is done is not repeated."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aiida_anhcsp.engine.cli.sscha import command
from aiida_anhcsp.engine.frames import write_frames
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha import run as running
from aiida_anhcsp.engine.sscha import tasks
from aiida_anhcsp.engine.sscha.progress import Progress
from aiida_anhcsp.engine.sscha.run import run_sscha
from aiida_anhcsp.engine.sscha.settings import SschaSettings, parse_stages
from aiida_anhcsp.engine.sscha.worker import PotentialChoice, WorkerError

from .toy import QuarticBond, crystal

ROOT = Path(__file__).parents[3]


class Counted(QuarticBond):
    """The toy, which counts its evaluations over all processes in a file."""

    def __init__(self, counter: str) -> None:
        super().__init__()
        self.counter = Path(counter)

    def calculate(self, *arguments: Any, **keywords: Any) -> None:
        with self.counter.open("a") as file:
            file.write(".")
        super().calculate(*arguments, **keywords)


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, PotentialChoice]:
    write_frames(tmp_path / "crystal.extxyz", [crystal()])
    counter = json.dumps({"counter": str(tmp_path / "counter")})
    return tmp_path / "crystal.extxyz", PotentialChoice(f"ase:{__name__}:Counted:{counter}")


class InProcess:
    """A worker without a process of its own."""

    def __init__(self, choice: PotentialChoice, _: Path) -> None:
        self.potential = load_potential(choice.specification)

    def run(self, task: str, *arguments: Any) -> Any:
        return getattr(tasks, task)(self.potential, *arguments)

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(running, "Worker", InProcess)


def settings(stages: str, seed: int = 1) -> SschaSettings:
    return SschaSettings(pressure=5.0, temperature=0.0, stages=parse_stages(stages), seed=seed)


def evaluations(tmp_path: Path) -> int:
    return (tmp_path / "counter").stat().st_size


def populations(terminal: str) -> list[tuple[str, str]]:
    """Stage and number of the populations that the terminal saw."""
    return re.findall(r"(1x1x1:\d+) population (\d+)", terminal)


class Killed(BaseException):
    """As the scheduler would."""


def killed_at(monkeypatch: pytest.MonkeyPatch, task: str, call: int = 1) -> None:
    """Let the run be killed when it comes to a task for the so many-th time."""
    calls, attempts_run = [], running.Attempts.run

    def run(self: Any, what: str, name: str, arguments: Any) -> Any:
        calls.append(name)
        if calls.count(task) == call:
            raise Killed
        return attempts_run(self, what, name, arguments)

    monkeypatch.setattr(running.Attempts, "run", run)


@pytest.mark.usefixtures("in_process")
def test_a_stage_that_is_done_is_not_repeated_after_a_kill(tmp_path, given, monkeypatch, caplog):
    structure, choice = given
    chosen = settings("1x1x1:20,1x1x1:40")
    whole = run_sscha(structure, tmp_path / "whole", choice, chosen)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, "run_stage", 2)
        run_sscha(structure, tmp_path / "out", choice, chosen)
    caplog.clear()
    assert run_sscha(structure, tmp_path / "out", choice, chosen) == whole
    assert {stage for stage, _ in populations(caplog.text)} == {"1x1x1:40"}


@pytest.mark.usefixtures("in_process")
def test_a_kill_in_the_audit_leaves_only_the_audit_to_be_done(tmp_path, given, monkeypatch, caplog):
    structure, choice = given
    chosen = settings("1x1x1:20")
    whole = run_sscha(structure, tmp_path / "whole", choice, chosen)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, "run_audit")
        run_sscha(structure, tmp_path / "out", choice, chosen)
    caplog.clear()
    before = evaluations(tmp_path)
    assert run_sscha(structure, tmp_path / "out", choice, chosen) == whole
    assert populations(caplog.text) == []
    assert evaluations(tmp_path) - before <= 1 + 1 + 20  # the check of the potential, the static energy, the audit


@pytest.mark.usefixtures("in_process")
def test_a_run_that_has_ended_is_not_run_again(tmp_path, given):
    structure, choice = given
    first = run_sscha(structure, tmp_path / "out", choice, settings("1x1x1:20"))
    before = evaluations(tmp_path)
    assert run_sscha(structure, tmp_path / "out", choice, settings("1x1x1:20")) == first
    assert evaluations(tmp_path) == before


@pytest.mark.usefixtures("in_process")
def test_another_seed_or_structure_begins_anew_and_another_stage_goes_on(tmp_path, given, caplog):
    structure, choice = given
    run_sscha(structure, tmp_path / "out", choice, settings("1x1x1:20"))
    caplog.clear()
    run_sscha(structure, tmp_path / "out", choice, settings("1x1x1:20,1x1x1:40"))
    assert {stage for stage, _ in populations(caplog.text)} == {"1x1x1:40"}
    caplog.clear()
    run_sscha(structure, tmp_path / "out", choice, settings("1x1x1:20", seed=2))
    assert {stage for stage, _ in populations(caplog.text)} == {"1x1x1:20"}


@pytest.mark.usefixtures("in_process")
def test_what_failed_is_tried_again(tmp_path, given, monkeypatch):
    structure, choice = given

    def fail(*_: Any) -> Any:
        raise WorkerError("the process was killed by SIGSEGV")

    with monkeypatch.context() as patch:
        patch.setattr(running.Attempts, "run", fail)
        assert not run_sscha(structure, tmp_path / "out", choice, settings("1x1x1:20"))["converged"]
    assert run_sscha(structure, tmp_path / "out", choice, settings("1x1x1:20"))["converged"]


def test_the_command_goes_on_after_a_kill_in_the_second_stage(tmp_path, given, capfd):
    structure, choice = given
    arguments = [str(structure), str(tmp_path / "out"), "--potential", choice.specification, "--pressure", "5"]
    arguments += ["--temperature", "0", "--stages", "1x1x1:20,1x1x1:200", "--seed", "1", "--no-audit"]
    program = [sys.executable, "-m", "aiida_anhcsp.engine.cli.main", "sscha", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(program, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
    while not (tmp_path / "out/stages/1-1x1x1/stage.json").is_file():
        assert child.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "out/result.json").exists()
    capfd.readouterr()
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    assert {stage for stage, _ in populations(capfd.readouterr().err)} == {"1x1x1:200"}
    stages = json.loads((tmp_path / "out/result.json").read_text())["stages"]
    assert [stage["configurations"] for stage in stages] == [20, 200]


@pytest.mark.usefixtures("in_process")
def test_an_interrupted_stage_goes_on_after_its_last_population(tmp_path, given, monkeypatch, caplog):
    structure, choice = given
    chosen = settings("1x1x1:20,1x1x1:40")
    whole = run_sscha(structure, tmp_path / "whole", choice, chosen)
    written, write = [], Progress.write

    def killed(progress: Progress, folder: Path) -> None:
        write(progress, folder)
        written.append(progress)
        if len(written) == 2:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Progress, "write", killed)
        patch.setattr(tasks, "PROGRESS_FILE", "left as a kill would")
        run_sscha(structure, tmp_path / "out", choice, chosen)
    caplog.clear()
    again = run_sscha(structure, tmp_path / "out", choice, chosen)
    assert populations(caplog.text)[0][1] == "3"
    assert again["stages"][0]["populations"] == whole["stages"][0]["populations"]
    assert again["gibbs_free_energy"] == pytest.approx(whole["gibbs_free_energy"], abs=1e-5)
