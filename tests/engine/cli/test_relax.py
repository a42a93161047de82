"""The command ``anhcsp-engine relax``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import read_frames, write_frames

EMT = ["--potential", "ase:ase.calculators.emt:EMT"]


@pytest.fixture
def population(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    frames = []
    for number in range(3):
        frame = bulk("Cu", "fcc", a=3.7, cubic=True)
        frame.positions += 0.1 * rng.normal(size=(4, 3))
        frame.info["id"] = f"g000-{number:04d}"
        frames.append(frame)
    frames[1].positions[1] = frames[1].positions[0]
    path = tmp_path / "in.extxyz"
    write_frames(path, frames)
    return path


def run(*arguments: object) -> int:
    """Exit status of the command."""
    try:
        main(["relax", *map(str, arguments)])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_every_frame_comes_back_relaxed_or_with_a_reason(population: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.extxyz"
    assert run(population, target, *EMT, "--pressure", 20) == 0
    frames = read_frames(target)
    assert [frame.info["id"] for frame in frames] == ["g000-0000", "g000-0001", "g000-0002"]
    assert [frame.info["status"] for frame in frames] == ["converged", "too_close", "converged"]
    assert frames[0].info["spacegroup"] == "Fm-3m"
    assert frames[0].get_stress()[:3].mean() == pytest.approx(-20 / 160.21766, abs=0.002)
    assert "Cu-Cu" in frames[1].info["reason"]
    assert {path.name for path in tmp_path.iterdir()} == {"in.extxyz", "out.extxyz"}


def test_out_of_time_the_same_command_goes_on(population: Path, tmp_path: Path) -> None:
    short, target = tmp_path / "short.extxyz", tmp_path / "out.extxyz"
    assert run(population, short, *EMT, "--pressure", 20, "--max-wallclock", 0) == 0
    partial: list[Atoms] = read_frames(short)
    assert partial[0].info["reason"] == "out of time"
    assert run(population, short, *EMT, "--pressure", 20) == 0
    assert run(population, target, *EMT, "--pressure", 20) == 0
    assert short.read_text() == target.read_text()


@pytest.mark.parametrize("wrong", [["--pressure", "20", "--fmax", "0"], ["--pressure", "20", "--max-steps", "0"]])
def test_bad_settings_end_with_status_2_and_one_line(
    population: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    assert run(population, tmp_path / "out.extxyz", *EMT, *wrong) == 2
    error = capsys.readouterr().err
    assert wrong[2] in error and error.count("\n") == 1
