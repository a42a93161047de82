"""A model Hessian of springs between near atoms, for atoms and cell together.

After the exponential preconditioner of Packwood et al., J. Chem. Phys. 144, 164109 (2016), with the cell's strain as
further coordinates: a spring feels the strain through its own vector, which couples cell and atoms as they should be.
"""

from __future__ import annotations

import numpy as np

from ..neighbours import NeighborList
from .ragged import Floats

STIFFEST = 10.0
"""Spring constant at the nearest neighbour's distance, eV/angstrom^2 (only the first move depends on it)."""
DECAY = 3.0
"""Springs weaken as exp(-DECAY (d / d_nearest - 1))."""
SIDEWAYS = 0.1
"""Stiffness across a spring as a fraction of that along it."""
RANGE = 2.2
"""Longest spring in units of the cube root of the volume per atom."""
WEAKEST = 0.01
"""Springs below this fraction of the stiffest are left out."""
FLOOR = 0.5
"""Added to the diagonal, eV/angstrom^2: no motion is free."""


def spring_hessian(positions: Floats, cell: Floats, stiffness: float) -> Floats:
    """Model Hessian in the coordinates of a flight, shape (3 n + 9, 3 n + 9), eV/angstrom^2.

    :param positions: (n, 3), angstrom
    :param cell: (3, 3), angstrom
    :param stiffness: cell coordinates are ``stiffness`` times the strain, angstrom
    """
    number = len(positions)
    reach = RANGE * float(abs(np.linalg.det(cell)) / number) ** (1 / 3)
    first, second, vector, length = NeighborList(cutoff=reach, full_list=False).compute(
        points=positions, box=cell, periodic=True, quantities="ijDd"
    )
    nearest = np.full(number, np.inf)
    np.minimum.at(nearest, first, length)
    np.minimum.at(nearest, second, length)
    strength = np.exp(-DECAY * (length / np.maximum(nearest[first], nearest[second]) - 1))
    kept = strength > WEAKEST
    first, second, vector, length, strength = (a[kept] for a in (first, second, vector, length, strength))

    pairs = np.arange(len(length))
    change = np.zeros((len(length), 3, number + 3, 3))
    for axis in range(3):
        change[pairs, axis, second, axis] += 1.0
        change[pairs, axis, first, axis] -= 1.0
        change[:, axis, number:, axis] = vector / stiffness
    along = vector / length[:, None]
    spring = (1 - SIDEWAYS) * along[:, :, None] * along[:, None, :] + SIDEWAYS * np.eye(3)
    jacobian = change.reshape(len(length), 3, 3 * number + 9)
    weighted = (STIFFEST * strength)[:, None, None] * (spring @ jacobian)
    hessian = jacobian.reshape(-1, 3 * number + 9).T @ weighted.reshape(-1, 3 * number + 9)
    return hessian + FLOOR * np.eye(3 * number + 9)
