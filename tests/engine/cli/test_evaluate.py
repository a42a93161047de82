"""``anhcsp-engine evaluate`` as a user meets it."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import labels_of, read_frames, with_labels, write_frames

EMT_SPECIFICATION = "ase:ase.calculators.emt:EMT"


@pytest.fixture
def frames():
    good = bulk("Cu", cubic=True)
    good.rattle(0.05, seed=2)
    good.info["id"] = "g000-0000"
    overlapping = good.copy()
    overlapping.positions[0] = overlapping.positions[1]
    overlapping.info["id"] = "g000-0001"
    unknown = bulk("Xe", "fcc", a=6.0)
    unknown.info["id"] = "g000-0002"
    return [good, overlapping, unknown, good]


def test_one_frame_out_per_frame_in_with_status_and_labels(frames, tmp_path):
    write_frames(tmp_path / "in.extxyz", frames)
    main(["evaluate", str(tmp_path / "in.extxyz"), str(tmp_path / "out.extxyz"), "--potential", EMT_SPECIFICATION])
    written = read_frames(tmp_path / "out.extxyz")
    assert [frame.info["status"] for frame in written] == ["ok", "too_close", "failed", "ok"]
    assert [frame.info["id"] for frame in written] == [frame.info["id"] for frame in frames]
    assert [len(labels_of(frame)) for frame in written] == [3, 0, 0, 3]
    assert ["reason" in frame.info for frame in written] == [False, True, True, False]
    reference = frames[0].copy()
    reference.calc = EMT()
    assert labels_of(written[0])["energy"] == pytest.approx(reference.get_potential_energy(), abs=1e-6)
    assert np.allclose(labels_of(written[0])["forces"], reference.get_forces(), atol=1e-6)
    assert np.allclose(labels_of(written[0])["stress"], reference.get_stress(), atol=1e-6)


def test_labels_of_another_origin_are_replaced(frames, tmp_path):
    old = with_labels(frames[1], -1.0, np.ones((4, 3)), np.ones(6), label_origin="gpaw", enthalpy=-2.0, steps=7)
    write_frames(tmp_path / "in.extxyz", [old])
    main(["evaluate", str(tmp_path / "in.extxyz"), str(tmp_path / "out.extxyz"), "--potential", EMT_SPECIFICATION])
    (written,) = read_frames(tmp_path / "out.extxyz")
    assert sorted(written.info) == ["id", "reason", "status"]
    assert labels_of(written) == {}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["missing.extxyz", "out.extxyz", "--potential", EMT_SPECIFICATION], "IN.extxyz: no file"),
        (["in.extxyz", "out.extxyz", "--potential", "gap:file"], "--potential: 'gap:file'"),
        (["in.extxyz", "out.extxyz", "--potential", EMT_SPECIFICATION, "--device", "cuda"], "--device: "),
        (["in.extxyz", "out.extxyz"], "--potential"),
    ],
)
def test_bad_input_is_one_line_and_status_two(arguments, named, frames, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    write_frames("in.extxyz", frames)
    with pytest.raises(SystemExit) as exit_:
        main(["evaluate", *arguments])
    assert exit_.value.code == 2
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert named in line
