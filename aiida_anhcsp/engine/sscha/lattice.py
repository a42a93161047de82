"""Primitive cells and their symmetry."""

from __future__ import annotations

import itertools
import math

import numpy as np
import spglib
from ase import Atoms
from ase.geometry import minkowski_reduce
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from ..errors import InputError

OVERLAP = 0.5
SMALL = 8
LARGEST_MULTIPLE = 8


def check_structure(atoms: Atoms, argument: str) -> None:
    """Refuse what cannot be a crystal.

    :raises InputError: no periodic cell, non-finite numbers, or atoms closer than 0.5 angstrom.
    """
    if not atoms.pbc.all() or abs(np.linalg.det(atoms.cell.array)) < 1e-3:
        raise InputError(argument, "the structure is not periodic in three directions", "give a crystal with its cell")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise InputError(argument, "the structure has non-finite coordinates", "give finite numbers")
    first, second, distances = neighbor_list("ijd", atoms, OVERLAP)
    if len(distances):
        nearest = int(np.argmin(distances))
        raise InputError(
            argument,
            f"atoms {first[nearest]} and {second[nearest]} overlap ({distances[nearest]:.3f} angstrom apart)",
            "move them apart or remove one",
        )


def primitive_cell(atoms: Atoms, tolerance: float, argument: str = "STRUCTURE") -> Atoms:
    """Symmetrised primitive cell in spglib's standard setting, ``tolerance`` in angstrom; info is kept.

    :param argument: what the error names
    :raises InputError: as :func:`check_structure`, or spglib finds no symmetry at that tolerance.
    """
    check_structure(atoms, argument)
    found = spglib.standardize_cell(_spglib_cell(atoms), to_primitive=True, no_idealize=False, symprec=tolerance)
    if found is None:
        raise InputError(argument, "spglib finds no primitive cell", "check the atoms' distances and the cell")
    lattice, positions, numbers = found
    primitive = Atoms(numbers=numbers, scaled_positions=positions, cell=lattice, pbc=True)
    primitive.info = dict(atoms.info)
    return primitive


def spacegroup(atoms: Atoms, tolerance: float) -> str:
    """International symbol, such as ``Im-3m``; ``tolerance`` in angstrom."""
    dataset = spglib.get_symmetry_dataset(_spglib_cell(atoms), symprec=tolerance)
    return "P1" if dataset is None else str(dataset.international)


def automatic_supercells(atoms: Atoms, cutoff: float, tolerance: float) -> tuple[tuple[int, int, int], ...]:
    """Supercells of the stages of the LaH10 study: a small one, then one whose images do not meet, then a large one.

    The first is the primitive cell where that has more than eight atoms, otherwise a supercell that has: the one of at
    most sixteen with the most distant images or, without such, the smallest. In the second an atom is farther from its
    images than the cutoff; in the third twice as far. All keep the point group. Among supercells of as many cells the
    one with the most distant images is taken.

    :param atoms: primitive cell
    :param cutoff: range of the potential, angstrom
    :param tolerance: spglib's, angstrom
    :return: multiples of the primitive cell, each larger than the one before
    """
    rotations = _rotations(atoms, tolerance)
    numbers = range(1, LARGEST_MULTIPLE + 1)
    multiples = [(i, j, k) for i, j, k in itertools.product(numbers, numbers, numbers) if _keeps(rotations, (i, j, k))]
    images = {m: image_distance(atoms, m) for m in multiples}
    multiples.sort(key=lambda m: (math.prod(m), -images[m]))
    sizes = {m: len(atoms) * math.prod(m) for m in multiples}
    few = [m for m in multiples if SMALL < sizes[m] <= 2 * SMALL]
    chosen = [next(m for m in multiples if sizes[m] > SMALL)]
    if len(atoms) <= SMALL and few:
        chosen = [max(few, key=lambda m: images[m])]
    for distance in (cutoff, 2 * cutoff):
        found = next((m for m in multiples if images[m] > distance), None)
        if found is not None and math.prod(found) > math.prod(chosen[-1]):
            chosen.append(found)
    return tuple(chosen)


def image_distance(atoms: Atoms, multiples: tuple[int, int, int]) -> float:
    """Distance between an atom and its nearest image in a supercell, angstrom."""
    reduced, _ = minkowski_reduce(atoms.cell.array * np.array(multiples)[:, None])
    return float(np.linalg.norm(reduced, axis=1).min())


def check_supercell(
    atoms: Atoms, multiples: tuple[int, int, int], tolerance: float, argument: str = "--stages"
) -> None:
    """Refuse supercells python-sscha fails with: of a single atom, or without all the rotations of the crystal.

    :param atoms: primitive cell
    :param tolerance: spglib's, angstrom
    :param argument: what the error names
    :raises InputError: naming multiples that will do
    """
    if len(atoms) * int(np.prod(multiples)) == 1:
        raise InputError(argument, "a single atom has no vibrations in 1x1x1", "use 2x2x2 or larger")
    if not _keeps(_rotations(atoms, tolerance), multiples):
        written = "x".join(map(str, multiples))
        raise InputError(
            argument,
            f"the supercell {written} breaks the crystal's point group",
            f"use the same multiple along equivalent axes, such as {'x'.join([str(max(multiples))] * 3)}",
        )


def repeated(atoms: Atoms, multiples: tuple[int, ...]) -> Atoms:
    """Supercell in python-sscha's order of atoms: cell by cell, the first axis fastest."""
    first, second, third = multiples
    cells = [(i, j, k) for k in range(third) for j in range(second) for i in range(first)]
    shifts = np.repeat(np.array(cells) @ atoms.cell.array, len(atoms), axis=0)
    positions = np.tile(atoms.positions, (len(cells), 1)) + shifts
    cell = atoms.cell.array * np.array(multiples)[:, None]
    return Atoms(np.tile(atoms.numbers, len(cells)), positions=positions, cell=cell, pbc=True)


def _rotations(atoms: Atoms, tolerance: float) -> NDArray[np.int_]:
    dataset = spglib.get_symmetry_dataset(_spglib_cell(atoms), symprec=tolerance)
    return np.eye(3, dtype=int)[None] if dataset is None else np.asarray(dataset.rotations)


def _keeps(rotations: NDArray[np.int_], multiples: tuple[int, int, int]) -> bool:
    """Whether every rotation maps the supercell's lattice onto itself."""
    scale = np.array(multiples)
    return not np.any(np.mod(rotations * scale[None, None, :], scale[None, :, None]))


def _spglib_cell(atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers
