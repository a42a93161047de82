"""Rattling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from .base import AnyComposition, Rules

SMALLEST, LARGEST = 0.1, 0.4


class Rattle(AnyComposition):
    """Displace all atoms of one parent at random, in its cell.

    Gaussian displacements with a standard deviation drawn from 0.1 to 0.4 of the mean spacing (V/N)^(1/3): enough to
    leave the basin and keep what is good about the lattice.
    """

    name = "rattle"
    n_parents = 1
    local = True

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """A rattled copy of the parent.

        :raises RefusalError: atoms stay too close.
        """
        (parent,) = parents
        deviation = rng.uniform(SMALLEST, LARGEST) * np.cbrt(parent.get_volume() / len(parent))
        positions = parent.positions + rng.normal(scale=deviation, size=(len(parent), 3))
        return rules.admit(Atoms(numbers=parent.numbers, positions=positions, cell=parent.cell, pbc=True))
