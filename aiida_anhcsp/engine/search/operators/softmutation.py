"""Soft-mode mutation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ..composition import Composition
from .base import RefusalError, Rules

SMALLEST, LARGEST = 0.3, 0.8
LARGEST_STRAIN = 0.4
SOFT_SHARE = 0.15
RIGID_MOTIONS = 6


class SoftMutation:
    """Move one parent along one of its softest modes (Lyakhov, Oganov and Valle, CPC 181, 1623 (2010)).

    The modes are those of a dynamical matrix of springs between neighbours, which costs no evaluation of the
    potential: the spring model that preconditions the relaxation, in mass-weighted coordinates. Cell and atoms move
    together. The k-th softest mode is taken with probability 0.15 (1 - 0.15)^k, rigid motions left out; the atom that
    moves furthest does so by 0.3 to 0.8 of the mean spacing (V/N)^(1/3), and no strain exceeds 0.4.
    """

    name = "softmutation"
    n_parents = 1

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
        modes = soft_modes(parent)
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


def soft_modes(frame: Atoms) -> NDArray[np.float64]:
    """Modes of the spring model from the softest up, rigid motions left out.

    :return: shape (3 n_atoms + 3, n_atoms + 3, 3): displacements (angstrom) and, in the last three rows, the strain
        (rows are what a Cartesian axis becomes), of any norm
    """
    from ...relaxation.springs import FLOOR, spring_hessian  # loads the relaxer, which work chains must not

    number = len(frame)
    stiffness = number * float(np.cbrt(frame.get_volume() / number))
    hessian = spring_hessian(frame.positions, np.asarray(frame.cell), stiffness)
    hessian -= FLOOR * np.eye(len(hessian))
    masses = np.repeat(np.append(frame.get_masses(), [frame.get_masses().mean()] * 3), 3)
    root = np.sqrt(masses)
    _, vectors = np.linalg.eigh(hessian / root[:, None] / root[None, :])
    modes = (vectors / root[:, None]).T.reshape(-1, number + 3, 3)
    modes[:, -3:] /= stiffness
    return np.asarray(modes[RIGID_MOTIONS:])
