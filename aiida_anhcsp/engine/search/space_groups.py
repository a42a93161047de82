"""Space groups of a structure at several tolerances."""

from __future__ import annotations

from collections.abc import Sequence

import spglib
from ase import Atoms


def space_groups(frame: Atoms, tolerances: Sequence[float]) -> list[int]:
    """International numbers at ``tolerances`` (angstrom); 0 where spglib finds none."""
    return [0 if dataset is None else int(dataset.number) for dataset in _datasets(frame, tolerances)]


def numbers_of_operations(frame: Atoms, tolerances: Sequence[float]) -> list[int]:
    """How many symmetry operations the cell as it is has at ``tolerances`` (angstrom); 0 where spglib finds none.

    They tell a supergroup, which may have the lower number (P4/mmm of I4/mmm), or the same one in a smaller cell.
    """
    return [0 if dataset is None else len(dataset.rotations) for dataset in _datasets(frame, tolerances)]


def _datasets(frame: Atoms, tolerances: Sequence[float]) -> list[spglib.SpglibDataset | None]:
    cell = (frame.cell.array, frame.get_scaled_positions(), frame.numbers)
    return [spglib.get_symmetry_dataset(cell, symprec=tolerance) for tolerance in tolerances]
