"""SSCHA with a potential that is not to be asked where it knows nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from ase import Atoms

from aiida_anhcsp.engine.frames import write_frames
from aiida_anhcsp.engine.sscha.run import run_sscha
from aiida_anhcsp.engine.sscha.settings import Minimisation, SschaSettings, parse_stages
from aiida_anhcsp.engine.sscha.worker import PotentialChoice

LATTICE = 3.0


def im3m() -> Atoms:
    cell = LATTICE / 2 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    return Atoms("SH3", positions=[[0, 0, 0], *(LATTICE / 2 * np.eye(3))], cell=cell, pbc=True)


def test_population_that_leaves_what_is_known_ends_the_run_with_its_grade(tmp_path: Path) -> None:
    """Known are displacements as small as those of the harmonic start; zero-point motion goes far beyond them."""
    rng = np.random.default_rng(1)
    training = []
    for _ in range(40):
        frame = im3m()
        frame.positions += rng.normal(scale=0.02, size=(4, 3))
        frame.set_cell(frame.cell.array @ (np.eye(3) + rng.normal(scale=0.005, size=(3, 3))), scale_atoms=True)
        training.append(frame)
    write_frames(tmp_path / "training.extxyz", training)
    write_frames(tmp_path / "start.extxyz", [im3m()])
    guard = {"potential": "mattersim:mini-H-S", "training": str(tmp_path / "training.extxyz"), "largest_grade": 8}
    settings = SschaSettings(
        pressure=150.0,
        temperature=0.0,
        stages=parse_stages("1x1x1:20"),
        seed=1,
        audit="also",
        minimisation=Minimisation(max_populations=5),
    )
    choice = PotentialChoice(f"guarded:{json.dumps(guard)}")
    result = run_sscha(tmp_path / "start.extxyz", tmp_path / "out", choice, settings)
    assert not result["converged"] and "gibbs_free_energy" not in result
    assert "could not be evaluated (failed: outside what the potential knows: grade" in result["reason"]
    assert "of 20 " in result["reason"]
