"""Labelled frames that cost nothing: alloys of copper and gold with EMT's energies, forces and stresses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_anhcsp.engine.frames import with_labels

TINY = {"num_blocks": 1, "units": 16, "max_l": 2, "max_n": 3, "cutoff": 4.0, "threebody_cutoff": 3.0}


def emt_frames(parents: int, children: int, seed: int = 0, **info: object) -> list[Atoms]:
    """``children`` distortions of each of ``parents`` fcc cells of two atoms, labelled."""
    rng = np.random.default_rng(seed)
    frames = []
    for parent in range(parents):
        gold = int(rng.integers(3))
        cell = bulk("Cu", "fcc", a=(3.61 + 0.235 * gold) * rng.uniform(0.98, 1.04)) * (1, 1, 2)
        cell.symbols = [["Cu", "Cu"], ["Cu", "Au"], ["Au", "Au"]][gold]
        for child in range(children):
            frame = cell.copy()
            frame.positions += rng.normal(scale=0.06, size=frame.positions.shape)
            frame.info = {
                "id": f"g000-{parent:04d}-d{child:02d}",
                "parents": f"g000-{parent:04d}",
                "operator": "distort",
                **info,
            }
            reference = frame.copy()
            reference.calc = EMT()
            frames.append(
                with_labels(
                    frame, reference.get_potential_energy(), reference.get_forces(), reference.get_stress(voigt=True)
                )
            )
    return frames


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def frames() -> list[Atoms]:
    """Forty frames of twenty families."""
    return emt_frames(parents=20, children=2)
