"""Symmetry taken off new structures, so that their relaxation does not end on a saddle that the symmetry keeps."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from .distances import DistanceTable

TRIALS = 6


def displaced(frame: Atoms, amplitude: float, distances: DistanceTable, rng: np.random.Generator) -> Atoms:
    """The frame with its atoms and its lattice vectors displaced by a normal distribution, at constant volume.

    A gradient has the symmetry of the structure: what starts symmetric stays so, and may come to rest on a saddle.
    Where atoms come closer than allowed, or the cell turns left-handed, the amplitude is halved; after six trials
    nothing is displaced.

    :param amplitude: standard deviation of each component, angstrom
    """
    if amplitude == 0.0:
        return frame
    shifts, stretch = rng.normal(size=(len(frame), 3)), rng.normal(size=(3, 3))
    for deviation in amplitude * 0.5 ** np.arange(TRIALS):
        moved = frame.copy()
        cell = frame.cell.array + deviation * stretch
        ratio = float(np.linalg.det(cell)) / frame.get_volume()
        if ratio <= 0:
            continue
        moved.set_cell(cell / np.cbrt(ratio), scale_atoms=True)
        moved.positions += deviation * shifts
        if not distances.violation(moved):
            return moved
    return frame
