"""``anhcsp-engine rank`` as a user meets it."""

from __future__ import annotations

import pytest
from ase.build import bulk

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import read_frames, write_frames


def test_frames_keep_their_order_and_gain_rank_and_duplicates(tmp_path):
    frames = [bulk("Cu"), bulk("Cu", a=3.9), bulk("Cu") * (2, 1, 1), bulk("Cu")]
    for index, (frame, enthalpy) in enumerate(zip(frames, (0.001, 0.3, 0.0, 0.0), strict=True)):
        frame.info.update(id=f"g000-000{index}", generation=0, status="converged", enthalpy=enthalpy)
    frames[3].info["status"] = "exploded"
    write_frames(tmp_path / "in.extxyz", frames)
    main(["rank", str(tmp_path / "in.extxyz"), str(tmp_path / "out.extxyz")])
    ranked = read_frames(tmp_path / "out.extxyz")
    assert [frame.info["id"] for frame in ranked] == [frame.info["id"] for frame in frames]
    assert [frame.info.get("rank") for frame in ranked] == [None, 2, 1, None]
    assert [frame.info.get("duplicate_of") for frame in ranked] == ["g000-0002", None, None, None]


def test_the_tolerances_are_those_of_the_settings(tmp_path):
    frames = [bulk("Cu"), bulk("Cu")]
    for index, frame in enumerate(frames):
        frame.info.update(id=f"g000-000{index}", generation=0, status="converged", enthalpy=0.001 * index)
    write_frames(tmp_path / "in.extxyz", frames)
    (tmp_path / "search.yaml").write_text(
        "{formula: Cu, population: 2, generations: 1, seed: 1, duplicates: {enthalpy: 0.0001}}"
    )
    paths = [str(tmp_path / name) for name in ("in.extxyz", "out.extxyz", "search.yaml")]
    main(["rank", paths[0], paths[1], "--settings", paths[2]])
    assert [frame.info["rank"] for frame in read_frames(paths[1])] == [1, 2]


def test_structures_without_ids_are_refused(tmp_path, capsys):
    write_frames(tmp_path / "in.extxyz", [bulk("Cu")])
    with pytest.raises(SystemExit) as ended:
        main(["rank", str(tmp_path / "in.extxyz"), str(tmp_path / "out.extxyz")])
    assert ended.value.code == 2
    assert "POPULATION: ids are missing or not unique" in capsys.readouterr().err
