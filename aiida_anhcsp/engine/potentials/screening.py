"""What every potential refuses before it computes, and the form in which it gets the rest."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.geometry import complete_cell, minkowski_reduce

from ..neighbours import NeighborList
from .base import Evaluation, Potential

OVERLAP = 0.3
"""Atoms nearer than this (angstrom) overlap; a proton in any hydride keeps twice this distance."""

FLATNESS = 1e-3
"""A reduced cell whose volume is below this fraction of its edges' product is no cell."""


def right_handed(frame: Atoms) -> Atoms:
    """The same crystal, in the same Cartesian axes, with a right-handed cell.

    The vectors -a, -b, -c span the same lattice as a, b, c with the other handedness: energy, forces and stress
    stay what they are, and no code meets a negative volume.
    """
    copy = Atoms(numbers=frame.numbers, positions=frame.positions, cell=frame.cell, pbc=frame.pbc)
    if np.linalg.det(frame.cell.array) < 0:
        copy.set_cell(-frame.cell.array, scale_atoms=False)
    return copy


def refusal(frame: Atoms, known: frozenset[str] | None = None) -> Evaluation | None:
    """Why a frame cannot be evaluated, or None where it can.

    ``nonfinite``: a position or cell vector is not a number. ``too_close``: two atoms, images included, are nearer
    than ``OVERLAP``. ``failed``: no atoms, not periodic, no volume, or a species that is not ``known``.
    """
    if not np.isfinite(frame.positions).all():
        atom = int(np.flatnonzero(~np.isfinite(frame.positions).all(axis=1))[0])
        return Evaluation("nonfinite", f"position of atom {atom} is not finite")
    if not np.isfinite(frame.cell.array).all():
        return Evaluation("nonfinite", "cell is not finite")
    if len(frame) == 0:
        return Evaluation("failed", "no atoms")
    if not frame.pbc.all() or frame.cell.rank < 3:
        return Evaluation("failed", "not periodic in three directions")
    symbols = set(frame.symbols)
    if known is not None and not symbols <= known:
        return Evaluation("failed", f"potential does not know {', '.join(sorted(symbols - known))}")
    return _overlap(frame)


def _overlap(frame: Atoms) -> Evaluation | None:
    cell = reduced_cell(frame.cell.array)
    lengths = np.linalg.norm(cell, axis=1)
    if lengths.min() < OVERLAP:
        return Evaluation("too_close", f"atom 0 and its image are {lengths.min():.4f} angstrom apart")
    if abs(np.linalg.det(cell)) < FLATNESS * lengths.prod():
        return Evaluation("failed", f"cell is flat: {abs(np.linalg.det(cell)):.3g} angstrom^3")
    reach = cheap_reach(OVERLAP, abs(np.linalg.det(cell)), len(frame))
    first, second, distances = NeighborList(cutoff=reach, full_list=False, n_threads=1).compute(
        points=frame.positions, box=cell, periodic=True, quantities="ijd"
    )
    if not np.any(distances < OVERLAP):
        return None
    nearest = int(np.argmin(distances))
    i, j = int(first[nearest]), int(second[nearest])
    names = f"{chemical_symbols[frame.numbers[i]]}{i} and {chemical_symbols[frame.numbers[j]]}{j}"
    return Evaluation("too_close", f"{names} are {distances[nearest]:.4f} angstrom apart")


def cheap_reach(reach: float, volume: float, number: int) -> float:
    """A cutoff, at least ``reach`` (angstrom), at which the pairs of a cell are found fastest.

    A list with a cutoff far below the cell visits its empty boxes by the thousand (2.4 ms for eight atoms of silicon
    at 0.3 angstrom, 0.06 ms at 2.2): about as many boxes as atoms, and sixteen in small cells, cost least.

    :param volume: angstrom^3
    :param number: of atoms
    """
    return max(reach, float(np.cbrt(volume / max(number, 16))))


def reduced_cell(cell: np.ndarray) -> np.ndarray:
    """Short vectors of the same lattice, right-handed; a cell that is short already is returned with its vectors.

    Neighbour lists of a skewed cell visit images by the thousand; the lattice is the same in its shortest vectors.

    :param cell: (3, 3), rows are vectors, angstrom
    """
    volume = abs(np.linalg.det(cell))
    lengths = np.linalg.norm(cell, axis=1)
    if volume < 0.3 * lengths.prod():
        cell, _ = minkowski_reduce(complete_cell(cell))
    return -cell if np.linalg.det(cell) < 0 else np.array(cell)


class ScreenedPotential(Potential):
    """A potential that computes sane frames only: right-handed, finite, periodic, known species, no overlap."""

    known: frozenset[str] | None = None
    """Species it can compute at all (``elements`` where it was made for some, else what its input layer has)."""

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        evaluations: list[Evaluation | None] = [refusal(frame, self.known) for frame in frames]
        sane = [number for number, evaluation in enumerate(evaluations) if evaluation is None]
        results = self.evaluate_sane([right_handed(frames[number]) for number in sane])
        for number, result in zip(sane, results, strict=True):
            evaluations[number] = finite(result)
        return [evaluation for evaluation in evaluations if evaluation is not None]

    @abstractmethod
    def evaluate_sane(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate frames that passed the screening, in order."""


def finite(evaluation: Evaluation) -> Evaluation:
    """The evaluation, or ``nonfinite`` where a label is not a number."""
    labels = (evaluation.energy, evaluation.forces, evaluation.stress)
    if all(label is None or bool(np.isfinite(label).all()) for label in labels):
        return evaluation
    return Evaluation("nonfinite", "potential gives a value that is not finite")
