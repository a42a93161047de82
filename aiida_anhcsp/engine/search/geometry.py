"""Periodic geometry of small cells: neighbour distances by direct lattice sums, and reduced cells."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce
from numpy.typing import NDArray


@dataclass(frozen=True)
class Neighbours:
    """Pairs closer than a cutoff, each in both orders; an atom is its own neighbour through the periodic images.

    ``first`` and ``second`` atom and ``distance`` (angstrom) of shape (n_pairs,), ``vector`` from first to second
    (angstrom) of shape (n_pairs, 3).
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    distance: NDArray[np.float64]
    vector: NDArray[np.float64]


def neighbours(frame: Atoms, cutoff: float) -> Neighbours:
    """Every pair within ``cutoff`` (angstrom) of a frame periodic in three directions.

    All lattice translations that can matter are summed at once: for the cells of a structure search this is many
    times faster than a linked-cell list, and it holds for any skewed or thin cell.
    """
    cell = np.asarray(frame.cell)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    reach = np.ceil(cutoff / heights + 0.5).astype(int)
    shifts = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))), dtype=float)
    scaled = frame.get_scaled_positions(wrap=False)
    separation = scaled[None, :, :] - scaled[:, None, :]
    separation -= np.round(separation)
    vectors = (separation @ cell)[:, :, None, :] + (shifts @ cell)[None, None, :, :]
    squared = np.einsum("ijsk,ijsk->ijs", vectors, vectors)
    home = np.flatnonzero(~shifts.any(axis=1))[0]
    squared[np.arange(len(frame)), np.arange(len(frame)), home] = np.inf
    first, second, shift = np.nonzero(squared < cutoff**2)
    return Neighbours(first, second, np.sqrt(squared[first, second, shift]), vectors[first, second, shift])


def reduced(frame: Atoms) -> Atoms:
    """The same crystal, without info, in a right-handed Minkowski-reduced cell with a along x and b in the xy plane."""
    cell = minkowski_reduce(frame.cell)[0][:]
    cell = cell * np.sign(np.linalg.det(cell))
    copy = Atoms(numbers=frame.numbers, positions=frame.positions, cell=cell, pbc=True)
    upright, _ = copy.cell.standard_form()
    copy.set_cell(upright, scale_atoms=True)
    copy.wrap()
    return copy
