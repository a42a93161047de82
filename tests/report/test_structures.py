"""CIF files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from pymatgen.core import Structure

from aiida_anhcsp.report.structures import write_cif


def test_a_slightly_noisy_structure_is_written_with_its_symmetry(tmp_path: Path) -> None:
    positions = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    cubic = Atoms("SH3", scaled_positions=positions, cell=3.09 * (np.ones((3, 3)) / 2 - np.eye(3)), pbc=True)
    cubic.positions += np.random.default_rng(1).normal(scale=0.005, size=(4, 3))
    path = write_cif(cubic, tmp_path / "h3s.cif")
    assert "Im-3m" in path.read_text()
    assert Structure.from_file(path).composition.reduced_formula == "H3S"
