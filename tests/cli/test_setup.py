"""Setting up this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aiida.orm import load_code, load_computer


def test_setup_makes_computer_and_codes(program: Callable, tmp_path: Path) -> None:
    assert program("setup", "--work-dir", tmp_path / "work").exit_code == 0
    computer = load_computer("localhost")
    assert computer.is_configured
    assert computer.get_workdir() == str(tmp_path / "work")
    assert Path(str(load_code("anhcsp-engine@localhost").filepath_executable)).name == "anhcsp-engine"
    assert str(load_code("gpaw-python@localhost").filepath_executable) == "/usr/bin/python3"


def test_setup_again_changes_nothing(program: Callable, tmp_path: Path) -> None:
    program("setup", "--work-dir", tmp_path / "work")
    before = load_code("anhcsp-engine@localhost").pk
    again = program("setup", "--work-dir", tmp_path / "work")
    assert again.exit_code == 0
    assert again.output.count("exists") == 3
    assert load_code("anhcsp-engine@localhost").pk == before


def test_setup_names_a_program_that_is_not_there(program: Callable, tmp_path: Path) -> None:
    result = program("setup", "--work-dir", tmp_path, "--engine", tmp_path / "nothing")
    assert result.exit_code == 2
    assert "--engine: no file" in result.output
