"""Rattling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ..composition import Composition
from .base import RefusalError, Rules

SMALLEST, LARGEST = 0.1, 0.4


class Rattle:
    """Displace all atoms of one parent at random, in its cell.

    Gaussian displacements with a standard deviation drawn from 0.1 to 0.4 of the mean spacing (V/N)^(1/3): enough to
    leave the basin and keep what is good about the lattice.
    """

    name = "rattle"
    n_parents = 1
    local = True

    def needs(self, compositions: Sequence[Composition]) -> str:
        """Two atoms, which move against each other."""
        return "" if max(each.n_atoms for each in compositions) > 1 else "cells of two atoms or more"

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """A rattled copy of the parent.

        :raises RefusalError: it has one atom, or atoms stay too close.
        """
        (parent,) = parents
        if len(parent) < 2:
            raise RefusalError("there is one atom only")
        deviation = rng.uniform(SMALLEST, LARGEST) * np.cbrt(parent.get_volume() / len(parent))
        positions = parent.positions + rng.normal(scale=deviation, size=(len(parent), 3))
        return rules.admit(Atoms(numbers=parent.numbers, positions=positions, cell=parent.cell, pbc=True))
