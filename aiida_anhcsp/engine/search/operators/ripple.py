"""Ripple."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ..composition import Composition
from .base import RefusalError, Rules

SMALLEST, LARGEST = 0.4, 1.0
MOST_WAVES = 2


class Ripple:
    """Shift the atoms of one parent along a lattice vector by standing waves in the other two.

    The shift is rho cos(2 pi eta x + t1) cos(2 pi mu y + t2) as in XtalOpt (Lonie and Zurek, Comput. Phys. Commun.
    182, 372 (2011)): x, y fractional coordinates, eta, mu from 0 to 2 and not both 0, rho from 0.4 to 1.0 of the mean
    spacing (V/N)^(1/3): of lower ripples three in four relax back to the parent.
    """

    name = "ripple"
    n_parents = 1
    local = True

    def needs(self, compositions: Sequence[Composition]) -> str:
        """Two atoms, which move against each other."""
        return "" if max(each.n_atoms for each in compositions) > 1 else "cells of two atoms or more"

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """A rippled copy of the parent.

        :raises RefusalError: it has one atom, or atoms come too close.
        """
        (parent,) = parents
        if len(parent) < 2:
            raise RefusalError("there is one atom only")
        along, first, second = rng.permutation(3)
        waves = [(eta, mu) for eta in range(MOST_WAVES + 1) for mu in range(MOST_WAVES + 1) if eta or mu]
        eta, mu = waves[int(rng.integers(len(waves)))]
        scaled = parent.get_scaled_positions()
        phases = rng.uniform(0.0, 2.0 * np.pi, size=2)
        shape = np.cos(2.0 * np.pi * eta * scaled[:, first] + phases[0]) * np.cos(
            2.0 * np.pi * mu * scaled[:, second] + phases[1]
        )
        height = rng.uniform(SMALLEST, LARGEST) * np.cbrt(parent.get_volume() / len(parent))
        vector = np.asarray(parent.cell)[along]
        positions = parent.positions + height * shape[:, None] * vector / np.linalg.norm(vector)
        return rules.admit(Atoms(numbers=parent.numbers, positions=positions, cell=parent.cell, pbc=True))
