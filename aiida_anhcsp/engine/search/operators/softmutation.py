"""Soft-mode mutation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ..composition import Composition
from .base import RefusalError, Rules

SMALLEST, LARGEST = 0.6, 1.2
LARGEST_STRAIN = 0.4
SOFT_SHARE = 0.15


class SoftMutation:
    """Move one parent along one of its softest modes (Lyakhov, Oganov and Valle, CPC 181, 1623 (2010)).

    The modes are those of a dynamical matrix of cell and atoms together: of springs between neighbours, which costs
    no evaluation of the potential, or of the potential itself (:mod:`..modes`). The k-th softest mode is taken with
    probability 0.15 (1 - 0.15)^k, rigid motions left out; the atom that moves furthest does so by 0.6 to 1.2 of the
    mean spacing (V/N)^(1/3), and no strain exceeds 0.4.
    """

    name = "softmutation"
    n_parents = 1
    local = True

    def needs(self, compositions: Sequence[Composition]) -> str:
        """Two atoms, which move against each other."""
        return "" if max(each.n_atoms for each in compositions) > 1 else "cells of two atoms or more"

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """The parent displaced along a soft mode.

        :raises RefusalError: it has one atom, or atoms come too close.
        """
        (parent,) = parents
        if len(parent) < 2:
            raise RefusalError("there is one atom only")
        modes = rules.modes(parent)
        mode = modes[(int(rng.geometric(SOFT_SHARE)) - 1) % len(modes)]
        atoms, strain = mode[:-3], mode[-3:]
        spacing = np.cbrt(parent.get_volume() / len(parent))
        largest = max(
            np.linalg.norm(atoms, axis=1).max() / spacing, np.linalg.norm(strain, 2) * LARGEST / LARGEST_STRAIN
        )
        amplitude = rng.uniform(SMALLEST, LARGEST) / largest * rng.choice([-1.0, 1.0])
        deformation = np.eye(3) + amplitude * strain
        child = Atoms(
            numbers=parent.numbers,
            positions=(parent.positions + amplitude * atoms) @ deformation,
            cell=np.asarray(parent.cell) @ deformation,
            pbc=True,
        )
        scale = np.cbrt(parent.get_volume() / child.get_volume())
        child.set_cell(np.asarray(child.cell) * scale, scale_atoms=True)
        return rules.admit(child)
