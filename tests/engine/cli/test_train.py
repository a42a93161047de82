"""The command ``anhcsp-engine train``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import bare, write_frames

from ..learning.conftest import TINY, emt_frames

NEW = f"mattersim:new:{json.dumps(TINY)}"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "dataset.extxyz"
    write_frames(path, emt_frames(parents=10, children=1))
    return path


def run(*arguments: object) -> int:
    """Exit status of the command."""
    try:
        main(["train", *map(str, arguments)])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_training_writes_model_and_metrics(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(dataset, tmp_path / "out", "--potential", NEW, "--epochs", 2, "--seed", 1) == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (tmp_path / "out" / "model.pth").is_file()
    assert "before" not in metrics and set(metrics["after"]) == {"train", "validation", "test"}
    printed = capsys.readouterr().out
    assert printed.count("epoch ") == 2 and "meV/atom" in printed


def test_finetuning_compares_with_before(dataset: Path, tmp_path: Path) -> None:
    run(dataset, tmp_path / "new", "--potential", NEW, "--epochs", 1, "--seed", 1)
    model = f"mattersim:{tmp_path / 'new' / 'model.pth'}"
    assert run(dataset, tmp_path / "out", "--potential", model, "--epochs", 1, "--seed", 1) == 0
    assert set(json.loads((tmp_path / "out" / "metrics.json").read_text())["before"]) == {"train", "validation", "test"}


def test_flags_have_the_last_word_over_the_file(dataset: Path, tmp_path: Path) -> None:
    settings = tmp_path / "TRAIN.yaml"
    settings.write_text("epochs: 7\nseed: 3\nlearning_rate: 1.0e-3\nweights: {stress: 0}\n")
    run(dataset, tmp_path / "out", "--potential", NEW, "--settings", settings, "--epochs", 1)
    used = json.loads((tmp_path / "out" / "metrics.json").read_text())["settings"]
    assert (used["epochs"], used["seed"], used["learning_rate"], used["weights"]["stress"]) == (1, 3, 1e-3, 0)


def test_new_mtp_is_written_with_its_species(dataset: Path, tmp_path: Path) -> None:
    specification = 'mtp:new:{"level": 2, "cutoff": 4.5, "elements": ["Cu", "Au"]}'
    assert run(dataset, tmp_path / "out", "--potential", specification, "--epochs", 3, "--seed", 1) == 0
    assert json.loads((tmp_path / "out" / "model.mtp.json").read_text()) == {"elements": ["Cu", "Au"]}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--potential", NEW], "--seed"),
        (["--potential", NEW, "--seed", 1, "--epochs", 0], "epochs"),
        (["--potential", "mattersim:nowhere.pth", "--seed", 1], "--potential"),
        (["--potential", "ase:ase.calculators.emt:EMT", "--seed", 1], "--potential"),
        (["--potential", NEW, "--seed", 1, "--settings", "nowhere.yaml"], "--settings"),
    ],
)
def test_bad_input_is_named_in_one_line(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[object], named: str
) -> None:
    assert run(dataset, tmp_path / "out", *arguments) == 2
    message = capsys.readouterr().err.strip()
    assert named in message.splitlines()[-1]


def test_unlabelled_frame_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bare.extxyz"
    write_frames(path, [bare(frame) for frame in emt_frames(parents=2, children=1)])
    assert run(path, tmp_path / "out", "--potential", NEW, "--seed", 1) == 2
    assert "DATASET" in capsys.readouterr().err


def test_hopeless_training_exits_with_a_status_of_its_own(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "TRAIN.yaml"
    settings.write_text("gradient_clip: null\nlearning_rate: 1.0e+30\nseed: 1\n")
    assert run(dataset, tmp_path / "out", "--potential", NEW, "--settings", settings) == 3
    assert "diverged" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "status"), [("TrainingDivergedError", 3), ("TrainingMemoryError", 4)])
def test_training_that_comes_to_nothing_has_an_exit_status_of_its_own(
    error: str, status: int, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aiida_anhcsp.engine.learning import errors, train

    def fail(*_: object) -> None:
        raise getattr(errors, error)("no way")

    monkeypatch.setattr(train, "train", fail)
    assert run(dataset, tmp_path, "--potential", NEW, "--epochs", 1, "--seed", 1) == status
