"""CIF files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from pymatgen.core import Structure

from aiida_anhcsp.report import structures
from aiida_anhcsp.report.structures import NAME, write_cif, write_structures


def test_a_slightly_noisy_structure_is_written_with_its_symmetry(tmp_path: Path) -> None:
    positions = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    cubic = Atoms("SH3", scaled_positions=positions, cell=3.09 * (np.ones((3, 3)) / 2 - np.eye(3)), pbc=True)
    cubic.positions += np.random.default_rng(1).normal(scale=0.005, size=(4, 3))
    path = write_cif(cubic, tmp_path / "h3s.cif")
    assert "Im-3m" in path.read_text()
    assert Structure.from_file(path).composition.reduced_formula == "H3S"


def test_an_export_leaves_no_structures_of_an_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [{"01_g000-0001_relaxed": bulk("Cu"), "sscha_01_g000-0001_130GPa_0K": bulk("Cu")}]
    runs.append({"01_g002-0004_relaxed": bulk("Cu")})
    (tmp_path / "mine.cif").touch()
    for run in runs:
        assert all(map(NAME.fullmatch, run))
        monkeypatch.setattr(structures, "lowest_structures", lambda node, number, run=run: run)
        write_structures(None, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01_g002-0004_relaxed.cif", "mine.cif"]
