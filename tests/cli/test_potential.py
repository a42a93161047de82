"""Importing potentials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aiida.orm import QueryBuilder

from aiida_anhcsp.data.potential import PotentialData

EMT = "ase:ase.calculators.emt:EMT"


def test_an_imported_potential_is_listed_under_its_label(program: Callable) -> None:
    assert program("potential", "import", EMT, "--label", "emt").exit_code == 0
    listed = program("potential", "list").output
    assert "emt" in listed
    assert "imported" in listed


def test_the_same_potential_is_stored_once(program: Callable) -> None:
    program("potential", "import", EMT)
    assert "stored already" in program("potential", "import", EMT).output
    assert QueryBuilder().append(PotentialData).count() == 1


def test_a_broken_checkpoint_is_refused_in_one_line(program: Callable, tmp_path: Path) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(b"no checkpoint")
    result = program("potential", "import", f"mattersim:{path}")
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert line.startswith("Error: SPEC:")
    assert QueryBuilder().append(PotentialData).count() == 0
