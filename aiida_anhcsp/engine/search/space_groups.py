"""Space groups of a structure at several tolerances."""

from __future__ import annotations

from collections.abc import Sequence

import spglib
from ase import Atoms


def space_groups(frame: Atoms, tolerances: Sequence[float]) -> list[int]:
    """International numbers at ``tolerances`` (angstrom); 0 where spglib finds none."""
    cell = (frame.cell.array, frame.get_scaled_positions(), frame.numbers)
    found = [spglib.get_symmetry_dataset(cell, symprec=tolerance) for tolerance in tolerances]
    return [0 if dataset is None else int(dataset.number) for dataset in found]
