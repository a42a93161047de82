"""The engine's entry point."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ase import Atoms

from aiida_anhcsp import __version__
from aiida_anhcsp.engine.cli.main import main, require_version
from aiida_anhcsp.engine.frames import write_frames
from aiida_anhcsp.version import VARIABLE, differs


def test_patches_work_together_and_minor_versions_do_not() -> None:
    assert not differs("1.2.3", "1.2.9")
    assert differs("1.2.3", "1.3.3")
    assert differs("1.2.3", "2.2.3")


def test_the_engine_refuses_a_job_of_another_plugin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require_version(__version__)
    monkeypatch.setenv(VARIABLE, "99.0.0")
    with pytest.raises(SystemExit) as stopped:
        main(["relax", "--help"])
    assert stopped.value.code == 2
    assert "the plugin that sent the job 99.0.0; install aiida-anhcsp[engine]==99.0.0" in capsys.readouterr().err


def test_the_engine_runs_where_no_profile_is_and_makes_none(tmp_path: Path) -> None:
    engine = Path(__file__).parents[3] / ".venv" / "bin" / "anhcsp-engine"
    command = [engine, "generate", "out.extxyz", "--formula", "Cu", "--number", "1", "--pressure", "0", "--seed", "1"]
    home = {"HOME": str(tmp_path), "AIIDA_PATH": str(tmp_path / "aiida")}
    subprocess.run(command, cwd=tmp_path, env={**os.environ, **home}, check=True, capture_output=True)
    assert [path.name for path in tmp_path.iterdir() if "aiida" in path.name] == []
    assert (tmp_path / "out.extxyz").is_file()


def test_spglib_does_not_tell_of_every_tolerance_at_which_it_finds_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cell = [[2.5473, -0.0022, 0.0309], [-1.2927, 2.1249, -0.0214], [-0.0012, -0.1736, 8.3049]]
    positions = [
        [-0.0863, 0.0004, -0.0226],
        [-0.0259, 1.3574, 2.0742],
        [-0.0036, -0.1456, 4.1433],
        [-0.0583, 1.273, 6.2584],
    ]
    frames = [Atoms("Cu4", positions=positions, cell=cell, pbc=True) for _ in range(2)]
    for index, frame in enumerate(frames):
        frame.info.update(id=f"g000-000{index}", generation=0, status="converged", enthalpy=0.0)
    write_frames(tmp_path / "in.extxyz", frames)
    main(["rank", str(tmp_path / "in.extxyz"), str(tmp_path / "out.extxyz")])
    assert "spglib" not in capfd.readouterr().err
