"""Soft modes of a crystal, atoms and cell together: of springs between neighbours, or of the potential."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.units import GPa
from numpy.typing import NDArray

from ..potentials.base import Potential

log = logging.getLogger(__name__)

Modes = Callable[[Atoms], NDArray[np.float64]]
"""What gives the modes of a parent."""

RIGID_MOTIONS = 6
MOST_ATOMS = 32
"""In larger parents the modes of the potential would cost as much as several relaxations."""


def spring_modes(frame: Atoms) -> NDArray[np.float64]:
    """Modes of the spring model that preconditions the relaxation, from the softest up, rigid motions left out.

    :return: shape (3 n_atoms + 3, n_atoms + 3, 3): displacements (angstrom) and, in the last three rows, the strain
        (rows are what a Cartesian axis becomes), of any norm
    """
    from ..relaxation.springs import FLOOR, spring_hessian  # loads the relaxer, which work chains must not

    stiffness = _stiffness(frame)
    hessian = spring_hessian(frame.positions, np.asarray(frame.cell), stiffness)
    hessian -= FLOOR * np.eye(len(hessian))
    root = _root_masses(frame)
    _, vectors = np.linalg.eigh(hessian / root[:, None] / root[None, :])
    return _as_moves(vectors[:, RIGID_MOTIONS:], root, stiffness)


class PotentialModes:
    """Modes of the potential's own dynamical matrix at Gamma, each parent's evaluated once.

    The second derivatives are those of the enthalpy. What falls along a mode is not left out: the mode of an
    unstable crystal is the softest. A parent of more than 32 atoms, or one with a displaced structure that the
    potential refuses, has the modes of the springs, and the log says why.
    """

    def __init__(self, potential: Potential, pressure: float) -> None:
        """Modes at ``pressure`` (GPa)."""
        self.potential, self.pressure = potential, pressure
        self._known: dict[str, NDArray[np.float64]] = {}

    def __call__(self, frame: Atoms) -> NDArray[np.float64]:
        """Modes as from :func:`spring_modes`, of a structure with an id."""
        name = str(frame.info["id"])
        if name not in self._known:
            self._known[name] = self._modes(frame, name)
        return self._known[name]

    def _modes(self, frame: Atoms, name: str) -> NDArray[np.float64]:
        from ..relaxation.hessian import enthalpy_hessian, n_evaluations  # loads the relaxer, as above
        from ..sscha.evaluation import EvaluationError

        if len(frame) > MOST_ATOMS:
            log.info("soft modes of %s: of springs, as it has %d atoms, over %d", name, len(frame), MOST_ATOMS)
            return spring_modes(frame)
        stiffness = _stiffness(frame)
        try:
            hessian = enthalpy_hessian(frame, self.potential, self.pressure * GPa, stiffness)
        except EvaluationError as error:
            log.info("soft modes of %s: of springs, as %s", name, error)
            return spring_modes(frame)
        log.info("soft modes of %s: of the potential, %d evaluations", name, n_evaluations(len(frame)))
        return modes_of(hessian, frame, stiffness)


def modes_of(hessian: NDArray[np.float64], frame: Atoms, stiffness: float) -> NDArray[np.float64]:
    """Modes of a Hessian as :func:`spring_modes` has them; translations and rotations are projected out.

    :param hessian: (3 n + 9, 3 n + 9), eV/angstrom^2, atoms first, then ``stiffness`` (angstrom) times the strain
    """
    root = _root_masses(frame)
    rigid = _rigid_motions(root)
    free = np.eye(len(root)) - rigid @ rigid.T
    matrix = free @ (hessian / root[:, None] / root[None, :]) @ free
    last = 2 * np.linalg.norm(matrix) * rigid @ rigid.T
    _, vectors = np.linalg.eigh(matrix + last)
    return _as_moves(vectors[:, :-RIGID_MOTIONS], root, stiffness)


def _rigid_motions(root: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal translations and rotations in mass-weighted coordinates, shape (3 n + 9, 6).

    A rotation is an antisymmetric strain: the coordinates of the atoms turn with the cell.
    """
    motions = np.zeros((RIGID_MOTIONS, len(root) // 3, 3))
    for axis, (one, other) in enumerate(((1, 2), (2, 0), (0, 1))):
        motions[axis, :-3, axis] = root[:-9:3]
        motions[3 + axis, one - 3, other], motions[3 + axis, other - 3, one] = 1.0, -1.0
    columns = motions.reshape(RIGID_MOTIONS, -1).T
    return np.asarray(columns / np.linalg.norm(columns, axis=0))


def _stiffness(frame: Atoms) -> float:
    """Angstrom per unit of strain."""
    return len(frame) * float(np.cbrt(frame.get_volume() / len(frame)))


def _root_masses(frame: Atoms) -> NDArray[np.float64]:
    """Square roots of the masses, three for each atom, then the mean mass for the cell, shape (3 n + 9,)."""
    return np.sqrt(np.repeat(np.append(frame.get_masses(), [frame.get_masses().mean()] * 3), 3))


def _as_moves(vectors: NDArray[np.float64], root: NDArray[np.float64], stiffness: float) -> NDArray[np.float64]:
    """Displacements and strains of eigenvectors in mass-weighted coordinates, which are columns."""
    modes = np.asarray((vectors / root[:, None]).T.reshape(vectors.shape[1], -1, 3))
    modes[:, -3:] /= stiffness
    return modes
