"""Permutation of elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ..composition import Composition
from .base import RefusalError, Rules

LARGEST_SHARE = 0.5
FEWEST_ATOMS = 3
"""Two atoms exchanged are the same crystal, shifted."""


class Permutation:
    """Exchange atoms of different elements in one parent (Oganov and Glass, JCP 124, 244704 (2006)).

    One to n_atoms / 4 pairs, at least one, are exchanged; no atom moves.
    """

    name = "permutation"
    n_parents = 1
    local = True

    def needs(self, compositions: Sequence[Composition]) -> str:
        """Two elements, and three atoms."""
        fit = any(len(each.elements) > 1 and each.n_atoms >= FEWEST_ATOMS for each in compositions)
        return "" if fit else "two elements in a cell of three atoms or more"

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """The parent with elements exchanged.

        :raises RefusalError: it has one element only, or two atoms, or atoms come too close.
        """
        (parent,) = parents
        if len(set(parent.numbers)) < 2:
            raise RefusalError("there is one element only")
        if len(parent) < FEWEST_ATOMS:
            raise RefusalError("there are two atoms only, which exchanged are the same crystal")
        child = Atoms(numbers=parent.numbers, positions=parent.positions, cell=parent.cell, pbc=True)
        exchanged: set[int] = set()
        for _ in range(int(rng.integers(1, max(1, int(LARGEST_SHARE * len(parent) / 2)) + 1))):
            free = [index for index in range(len(child)) if index not in exchanged]
            first = int(rng.choice(free))
            unlike = [index for index in free if child.numbers[index] != child.numbers[first]]
            if not unlike:
                break
            second = int(rng.choice(unlike))
            child.numbers[[first, second]] = child.numbers[[second, first]]
            exchanged.update((first, second))
        return rules.admit(child)
