"""The command ``anhcsp-engine grade``."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import bare, read_frames, write_frames
from aiida_anhcsp.engine.learning.m3gnet import new_model, write_model

from ..learning.conftest import TINY, emt_frames


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.pth"
    write_model(path, new_model(TINY, 1), ["Cu", "Au"], "random weights")
    return path


def run(folder: Path, model: Path, training: Path) -> int:
    """Exit status of the command, from in.extxyz to out.extxyz."""
    arguments = ["grade", folder / "in.extxyz", folder / "out.extxyz", "--potential", f"mattersim:{model}"]
    try:
        main([*map(str, arguments), "--training", str(training)])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_every_frame_comes_back_graded_in_order(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = emt_frames(parents=10, children=2)
    write_frames(tmp_path / "train.extxyz", training)
    squeezed = bare(training[0])
    squeezed.set_cell(0.8 * squeezed.cell.array, scale_atoms=True)
    write_frames(tmp_path / "in.extxyz", [training[1], squeezed])
    assert run(tmp_path, model, tmp_path / "train.extxyz") == 0
    known, new = read_frames(tmp_path / "out.extxyz")
    assert known.info["id"] == training[1].info["id"] and known.info["grade"] < 1.001 < new.info["grade"]
    assert "grade of 2" in capsys.readouterr().out


def test_missing_training_set_is_bad_input(model: Path, tmp_path: Path) -> None:
    write_frames(tmp_path / "in.extxyz", emt_frames(parents=1, children=1))
    assert run(tmp_path, model, tmp_path / "nowhere.extxyz") == 2
