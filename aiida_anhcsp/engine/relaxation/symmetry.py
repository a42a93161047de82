"""The symmetry a structure starts with, imposed on forces and stress so that a relaxation keeps it.

Cartesian rotations and permutations of the start stay valid all the way: a symmetric force moves atoms symmetrically,
and a symmetric strain without rotation commutes with every rotation of the group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms

from .ragged import Floats, Integers

SYMPREC = 1e-3
"""angstrom; only what is symmetric already is kept so, nothing is moved into symmetry."""


@dataclass(frozen=True)
class Symmetry:
    """``rotations`` (g, 3, 3), Cartesian, act on row vectors from the right; ``images`` (g, n): where atoms go."""

    rotations: Floats
    images: Integers

    def forces(self, forces: Floats) -> Floats:
        """Mean over the group of forces of shape (n, 3)."""
        mean = np.zeros_like(forces)
        for rotation, image in zip(self.rotations, self.images, strict=True):
            mean[image] += forces @ rotation
        return mean / len(self.rotations)

    def stress(self, stress: Floats) -> Floats:
        """Mean over the group of a stress in Voigt order (6,)."""
        full = stress[[[0, 5, 4], [5, 1, 3], [4, 3, 2]]]
        mean = np.mean(self.rotations.transpose(0, 2, 1) @ full @ self.rotations, axis=0)
        return mean[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def symmetry_of(frame: Atoms) -> Symmetry:
    """Space group of a frame as Cartesian rotations and permutations; the identity alone where spglib gives up."""
    cell, positions = frame.cell.array, frame.get_scaled_positions()
    found = spglib.get_symmetry((cell, positions, frame.numbers), symprec=SYMPREC)
    if found is None:
        return Symmetry(np.eye(3)[None], np.arange(len(frame))[None])
    images = []
    for rotation, translation in zip(found["rotations"], found["translations"], strict=True):
        moved = positions @ rotation.T + translation
        apart = moved[:, None] - positions[None]
        distance = np.linalg.norm((apart - np.round(apart)) @ cell, axis=2)
        distance[frame.numbers[:, None] != frame.numbers[None]] = np.inf
        images.append(np.argmin(distance, axis=1))
    rotations = np.linalg.inv(cell) @ found["rotations"].transpose(0, 2, 1) @ cell
    return Symmetry(rotations, np.array(images))
