"""A four-atom metal that EMT describes."""

from __future__ import annotations

from ase import Atoms


def copper_gold(lattice: float = 3.69) -> Atoms:
    """AuCu3 in the L1_2 structure."""
    positions = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Atoms("AuCu3", scaled_positions=positions, cell=[lattice] * 3, pbc=True)
