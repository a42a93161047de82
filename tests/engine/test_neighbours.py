"""Neighbour lists start without torch, and a command whose potential needs none does not import it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list

from aiida_anhcsp.engine.frames import write_frames
from aiida_anhcsp.engine.neighbours import NeighborList

RELAX = """
import sys
from aiida_anhcsp.engine.cli.main import main
main(["relax", "in.extxyz", "out.extxyz", "--potential", "ase:ase.calculators.emt:EMT", "--pressure", "1"])
assert "torch" not in sys.modules
import torch
assert torch.zeros(1).item() == 0
"""


def test_relaxing_with_a_potential_without_torch_leaves_torch_alone(tmp_path: Path) -> None:
    write_frames(tmp_path / "in.extxyz", [bulk("Cu")])
    done = subprocess.run([sys.executable, "-c", RELAX], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.extxyz").exists()


def test_bonds_are_those_of_ase() -> None:
    crystal = bulk("Cu", cubic=True)
    (lengths,) = NeighborList(cutoff=4.0, full_list=True).compute(
        points=crystal.positions, box=crystal.cell.array, periodic=True, quantities="d"
    )
    assert sorted(lengths) == pytest.approx(sorted(neighbor_list("d", crystal, 4.0)))
