"""The engine's entry point."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aiida_anhcsp import __version__
from aiida_anhcsp.engine.cli.main import main, require_version
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
