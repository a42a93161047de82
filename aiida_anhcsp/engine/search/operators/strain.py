"""Lattice strain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_strain

from .base import AnyComposition, Rules

DEVIATION = 0.3
LARGEST = 0.6


class Strain(AnyComposition):
    """Strain the lattice of one parent by a random symmetric matrix and restore its volume.

    Voigt components are Gaussian with a standard deviation of 0.3, cut at 0.6 (lattice mutation of Glass, Oganov and
    Hansen, Comput. Phys. Commun. 175, 713 (2006)); fractional coordinates are kept.
    """

    name = "strain"
    n_parents = 1
    local = False

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """A strained copy of the parent.

        :raises RefusalError: atoms come too close.
        """
        (parent,) = parents
        components = np.clip(rng.normal(scale=DEVIATION, size=6), -LARGEST, LARGEST)
        cell = np.asarray(parent.cell) @ voigt_6_to_full_3x3_strain(components)
        cell *= np.cbrt(parent.get_volume() / abs(np.linalg.det(cell)))
        scaled = parent.get_scaled_positions()
        return rules.admit(Atoms(numbers=parent.numbers, scaled_positions=scaled, cell=cell, pbc=True))
