"""Datasets in and out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from aiida_anhcsp.engine.frames import labels_of, read_frames, write_frames

from ..engine.learning.conftest import emt_frames


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "labels.extxyz"
    write_frames(path, emt_frames(parents=10, children=2, label_origin="ase", label_settings="emt"))
    return path


def pk_of(text: str) -> str:
    return re.findall(r"PK (\d+)", text)[-1]


def test_what_comes_in_goes_out_unchanged(program: Callable, file: Path, tmp_path: Path) -> None:
    result = program("dataset", "import", file)
    assert result.exit_code == 0, result.output
    assert "20 frames of Au2, AuCu, Cu2, labelled by ase, settings emt" in result.output
    assert program("dataset", "export", pk_of(result.output), tmp_path / "out.extxyz").exit_code == 0
    before, after = read_frames(file), read_frames(tmp_path / "out.extxyz")
    assert [labels_of(frame)["energy"] for frame in after] == [labels_of(frame)["energy"] for frame in before]


def test_datasets_are_merged_and_filtered_and_split(program: Callable, file: Path, tmp_path: Path) -> None:
    write_frames(tmp_path / "more.extxyz", emt_frames(4, 1, seed=5, label_origin="ase", label_settings="emt"))
    first, second = (pk_of(program("dataset", "import", path).output) for path in (file, tmp_path / "more.extxyz"))
    merged = program("dataset", "merge", first, second, first)
    assert "24 frames" in merged.output
    assert "frames of Cu2," in program("dataset", "filter", pk_of(merged.output), "--elements", "Cu").output
    parts = program("dataset", "split", pk_of(merged.output), "--seed", "1")
    counts = [int(count) for count in re.findall(r"(\d+) frames", parts.output)]
    assert len(counts) == 3 and sum(counts) == 24


def test_labels_of_different_settings_do_not_come_together(program: Callable, file: Path, tmp_path: Path) -> None:
    write_frames(tmp_path / "other.extxyz", emt_frames(2, 1, label_origin="ase", label_settings="other"))
    first, second = (pk_of(program("dataset", "import", path).output) for path in (file, tmp_path / "other.extxyz"))
    result = program("dataset", "merge", first, second)
    assert result.exit_code == 2 and "labels of different settings are mixed" in result.output


def test_file_without_origin_is_asked_for_it(program: Callable, tmp_path: Path) -> None:
    write_frames(tmp_path / "plain.extxyz", emt_frames(2, 1))
    assert "Error: --origin" in program("dataset", "import", tmp_path / "plain.extxyz").output
    result = program("dataset", "import", tmp_path / "plain.extxyz", "--origin", "vasp", "--label-settings", "pbe")
    assert "labelled by vasp, settings pbe" in result.output
