"""What makes a geometry sane, and how a cell is written in its best form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.geometry.minkowski_reduction import minkowski_reduce
from numpy.typing import NDArray

from ..neighbours import NeighborList
from ..potentials.screening import cheap_reach

Floats = NDArray[np.float64]
Fault = Literal["too_close", "nonfinite", "collapsed", "exploded", "failed"]

CLOSEST = 0.5
"""Smallest distance allowed, as a fraction of the sum of the covalent radii."""
SMALLEST_VOLUME, SMALLEST_PACKING = 0.7, 0.2
"""Smallest volume per atom: angstrom^3, and as a multiple of the mean sphere of the covalent radius."""
LARGEST_VOLUME, LARGEST_PACKING = 80.0, 4.0
"""Largest volume per atom; exceeded only where both bounds are."""


def volume_bounds(numbers: NDArray[np.int64]) -> tuple[float, float]:
    """Smallest and largest sane volume of a cell of these atoms, in angstrom^3."""
    sphere = float(np.mean(4 / 3 * np.pi * covalent_radii[numbers] ** 3))
    smallest = max(SMALLEST_VOLUME, SMALLEST_PACKING * sphere)
    largest = max(LARGEST_VOLUME, LARGEST_PACKING * sphere)
    return smallest * len(numbers), largest * len(numbers)


def closest_pair(numbers: NDArray[np.int64], positions: Floats, cell: Floats) -> tuple[float, str]:
    """Shortest distance in units of the pair's sum of covalent radii, and a sentence on it.

    Pairs longer than :data:`CLOSEST` of the largest sum are not looked at: then the ratio is infinite.
    """
    radii = covalent_radii[numbers]
    reach = 2 * CLOSEST * float(radii.max())
    pairs = NeighborList(cutoff=cheap_reach(reach, abs(np.linalg.det(cell)), len(numbers)), full_list=False)
    found = pairs.compute(points=positions, box=cell, periodic=True, quantities="ijd")
    first, second, distance = (values[found[2] < reach] for values in found)
    if len(distance) == 0:
        return np.inf, ""
    ratio = distance / (radii[first] + radii[second])
    worst = int(np.argmin(ratio))
    one, two = (chemical_symbols[numbers[index[worst]]] for index in (first, second))
    return float(ratio[worst]), f"{one}-{two} distance {distance[worst]:.3f} angstrom"


def examine(
    numbers: NDArray[np.int64], positions: Floats, cell: Floats, ceiling: float = np.inf
) -> tuple[Fault, str] | None:
    """What is wrong with a geometry, or None; cheap checks first, no list of neighbours for a collapsed cell.

    :param ceiling: largest volume allowed, angstrom^3
    """
    if not (np.isfinite(positions).all() and np.isfinite(cell).all()):
        return "nonfinite", "position or cell not finite"
    volume = float(np.linalg.det(cell))
    if volume < volume_bounds(numbers)[0]:
        return "collapsed", f"{volume / len(numbers):.3f} angstrom^3 per atom"
    if volume > ceiling:
        return "exploded", f"{volume / len(numbers):.1f} angstrom^3 per atom"
    ratio, sentence = closest_pair(numbers, positions, cell)
    return ("too_close", sentence) if ratio < CLOSEST else None


def reduced(cell: Floats) -> Floats:
    """Right-handed Minkowski-reduced basis of the same lattice, not rotated, shape (3, 3).

    :raises RuntimeError: the reduction does not end (a cell without volume).
    """
    basis = np.asarray(minkowski_reduce(cell)[0], dtype=float)
    return -basis if np.linalg.det(basis) < 0 else basis


@dataclass(frozen=True)
class Start:
    """A geometry fit to start from: positions (n, 3), reduced cell (3, 3), largest volume allowed (angstrom^3)."""

    positions: Floats
    cell: Floats
    ceiling: float


def admitted(frame: Atoms) -> Start | tuple[Fault, str]:
    """Where to start from, or what is wrong with the frame.

    A cell with more volume than is sane may start, for pressure may bring it back, but not grow.
    """
    positions, cell = frame.get_positions(), frame.cell.array.copy()
    if len(frame) == 0:
        return "failed", "no atoms"
    if not frame.pbc.all():
        return "failed", "not periodic in three directions"
    if not (np.isfinite(positions).all() and np.isfinite(cell).all()):
        return "nonfinite", "position or cell not finite at the start"
    if np.abs(np.linalg.det(cell)) < 1e-3:
        return "collapsed", "cell without volume at the start"
    try:
        cell = reduced(cell)
    except RuntimeError as error:
        return "failed", f"cell cannot be reduced ({error})"
    fault = examine(frame.numbers, positions, cell)
    if fault is not None:
        return fault[0], f"{fault[1]} at the start"
    return Start(positions, cell, max(volume_bounds(frame.numbers)[1], 1.1 * float(np.linalg.det(cell))))
