"""The structures in flight: where they are, where they last were sane, and what the potential said there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from .ragged import Batch, Floats, Integers, Mask, cell_rows, largest, norms, owners
from .strain import exponential, full_stress, strain_force


@dataclass(frozen=True)
class Flight(Batch):
    """Structures being relaxed, as a batch (see :mod:`.ragged`).

    Coordinates are rows: reference positions (angstrom) for the atoms, ``stiffness`` times the strain for the cell.
    ``sane`` are the coordinates of the last good evaluation, and ``energy`` (eV), ``force`` (eV/angstrom; zero in
    cell rows) and ``stress`` (Voigt, eV/angstrom^3) its result. ``trust`` scales the caps of a move,
    ``ceiling`` (angstrom^3) is the volume from which on a cell counts as exploded.
    """

    ROWS: ClassVar[frozenset[str]] = frozenset({"numbers", "coordinates", "sane", "force"})

    index: Integers
    count: Integers
    reference: Floats
    stiffness: Floats
    steps: Integers
    retries: Integers
    trust: Floats
    ceiling: Floats
    energy: Floats
    stress: Floats
    lowest: Floats
    smallest_force: Floats
    stale: Integers
    numbers: Integers
    coordinates: Floats
    sane: Floats
    force: Floats

    def __len__(self) -> int:
        return len(self.count)

    @property
    def owner(self) -> Integers:
        """Structure of each row."""
        return owners(self.count)

    @property
    def atoms(self) -> Mask:
        """Rows that are atoms."""
        return self.numbers > 0


def take_off(index: int, numbers: Integers, positions: Floats, cell: Floats, ceiling: float = np.inf) -> Flight:
    """A structure on its start, not evaluated yet; ``ceiling`` is the largest volume allowed, angstrom^3."""
    count = len(numbers)
    coordinates = np.vstack([positions, np.zeros((3, 3))])
    return Flight(
        index=np.array([index]),
        count=np.array([count]),
        reference=cell[None],
        stiffness=np.array([_stiffness(count, cell)]),
        steps=np.array([0]),
        retries=np.array([0]),
        trust=np.array([1.0]),
        ceiling=np.array([ceiling]),
        energy=np.array([np.nan]),
        stress=np.full((1, 6), np.nan),
        lowest=np.array([np.inf]),
        smallest_force=np.array([np.inf]),
        stale=np.array([0]),
        numbers=np.concatenate([numbers, np.zeros(3, dtype=numbers.dtype)]),
        coordinates=coordinates,
        sane=coordinates,
        force=np.zeros_like(coordinates),
    )


def _stiffness(count: int, cell: Floats) -> float:
    """Angstrom per unit of strain that makes the cell about as stiff as an atom, whatever the number of atoms.

    The curvature n v B (v the volume per atom, B the bulk modulus) becomes B v^(1/3), of the order of a spring.
    """
    return float(np.sqrt(count) * (abs(np.linalg.det(cell)) / max(count, 1)) ** (1 / 3))


def strains(flight: Flight, coordinates: Floats) -> Floats:
    """Logarithmic strain of each cell, shape (n_structures, 3, 3)."""
    return coordinates[cell_rows(flight.count)] / flight.stiffness[:, None, None]


def geometry(flight: Flight, coordinates: Floats) -> tuple[Floats, Floats]:
    """Cartesian positions per row (cell rows are meaningless) and cells (n_structures, 3, 3)."""
    deformation = exponential(strains(flight, coordinates))
    positions = np.einsum("ri,rij->rj", coordinates, deformation[flight.owner])
    return positions, flight.reference @ deformation


def virials(flight: Flight, pressure: float) -> Floats:
    """-V (stress + P) at the last sane evaluation in eV, shape (n_structures, 3, 3); P in eV/angstrom^3."""
    volume = np.linalg.det(geometry(flight, flight.sane)[1])
    return -volume[:, None, None] * (full_stress(flight.stress) + pressure * np.eye(3))


def enthalpies(flight: Flight, pressure: float) -> Floats:
    """E + PV at the last sane evaluation in eV."""
    return flight.energy + pressure * np.linalg.det(geometry(flight, flight.sane)[1])


def residual(flight: Flight, pressure: float) -> Floats:
    """FrechetCellFilter's criterion with the present cell as its reference, in eV/angstrom."""
    rows = flight.force.copy()
    rows[cell_rows(flight.count)] = virials(flight, pressure) / flight.count[:, None, None]
    return largest(flight.owner, norms(rows), len(flight))


def generalised_force(flight: Flight, pressure: float) -> Floats:
    """-dH/d(coordinates) at the last sane evaluation, shape (n_rows, 3)."""
    strain = strains(flight, flight.sane)
    rows = np.einsum("ri,rij->rj", flight.force, exponential(strain)[flight.owner])
    rows[cell_rows(flight.count)] = strain_force(strain, virials(flight, pressure)) / flight.stiffness[:, None, None]
    return rows


def capped(flight: Flight, move: Floats, displacement: float, strain: float) -> Floats:
    """The move scaled down, structure by structure, to the largest displacement and strain allowed.

    :param displacement: angstrom
    :param strain: Frobenius norm of the change of the logarithmic strain
    """
    length = norms(move)
    squares = np.where(flight.atoms, 0.0, length**2)
    stretch = np.sqrt(np.bincount(flight.owner, weights=squares, minlength=len(flight))) / flight.stiffness
    reach = largest(flight.owner, np.where(flight.atoms, length, 0.0), len(flight))
    excess = np.maximum(reach / displacement, stretch / strain) / flight.trust
    return move / np.maximum(excess, 1.0)[flight.owner, None]


def moved(flight: Flight, move: Floats) -> Flight:
    """The structures one move from where they were last sane."""
    return replace(flight, coordinates=flight.sane + move, steps=flight.steps + 1)
