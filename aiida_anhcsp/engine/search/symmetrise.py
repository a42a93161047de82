"""Space groups at several tolerances, and structures moved into the symmetry that a looser tolerance sees."""

from __future__ import annotations

from collections.abc import Sequence

import spglib
from ase import Atoms
from ase.spacegroup.symmetrize import refine_symmetry

from ..frames import bare
from .rank import lowest
from .space_groups import numbers_of_operations

TOLERANCES = (0.01, 0.1, 0.2)
"""angstrom"""
MOST_COPIES = len(TOLERANCES) - 1
"""Of one structure."""


def in_symmetry(frame: Atoms, tolerance: float) -> Atoms:
    """A copy without info, moved exactly into the symmetry seen at ``tolerance`` (angstrom); the atoms are as many."""
    copy = bare(frame)
    cell = (frame.cell.array, frame.get_scaled_positions(), frame.numbers)
    dataset = spglib.get_symmetry_dataset(cell, symprec=tolerance)
    if dataset is not None and dataset.number > 1:
        refine_symmetry(copy, symprec=tolerance)
    return copy


def symmetrised(population: Sequence[Atoms], number: int) -> list[Atoms]:
    """Symmetrised copies of the lowest ``number`` distinct structures, to be relaxed again.

    A structure has a copy for every looser tolerance with more symmetry operations than any stricter one.
    Copies bear the ``id`` of their parent with ``-s1`` or ``-s2``, are of its generation and of the operator
    ``symmetrise``; once all are relaxed and ranked together, the lower of the two represents the structure.

    :param population: a ranked population
    """
    copies = []
    for parent in lowest(population, number):
        operations = numbers_of_operations(parent, TOLERANCES)
        parent_id = str(parent.info["id"])
        for place in range(1, len(TOLERANCES)):
            if operations[place] <= max(operations[:place]):
                continue
            copy = in_symmetry(parent, TOLERANCES[place])
            copy.info = {
                "id": f"{parent_id}-s{place}",
                "generation": parent.info["generation"],
                "operator": "symmetrise",
                "parents": parent_id,
            }
            copies.append(copy)
    return copies
