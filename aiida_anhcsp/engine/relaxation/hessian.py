"""The Hessian of the enthalpy for atoms and cell together, by finite differences of forces and stresses."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from ..potentials.base import Potential
from ..sscha.evaluation import evaluate_all
from .strain import Floats, exponential, strain_force

DISPLACEMENT = 0.02
"""Of one atom, angstrom."""
STRAIN = 0.005
"""As large a step as that of an atom in a cell of a few angstrom."""
PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
ELEMENTS = np.array([0, 5, 4, 5, 1, 3, 4, 3, 2])
"""Place in ``PAIRS`` of each element of a strain."""


def n_evaluations(number: int) -> int:
    """Evaluations that the Hessian of ``number`` atoms takes."""
    return 6 * number + 12


def enthalpy_hessian(frame: Atoms, potential: Potential, pressure: float, stiffness: float) -> Floats:
    """Second derivatives of E + PV in the coordinates of a flight, shape (3 n + 9, 3 n + 9), eV/angstrom^2.

    Central differences, all evaluated in one call. The cell's coordinates are the elements of a strain whose
    antisymmetric part, a rotation, costs nothing; shape and coordinates are those of
    :func:`~.springs.spring_hessian`.

    :param pressure: eV/angstrom^3
    :param stiffness: cell coordinates are ``stiffness`` times the strain, angstrom
    :raises EvaluationError: the potential refuses a displaced or strained structure
    """
    number = len(frame)
    moves = np.zeros((3 * number + 6, number + 3, 3))
    moves[: 3 * number, :number] = DISPLACEMENT * np.eye(3 * number).reshape(-1, number, 3)
    for place, (row, column) in enumerate(PAIRS, start=3 * number):
        moves[place, number + row, column] += STRAIN / 2
        moves[place, number + column, row] += STRAIN / 2
    both = np.concatenate([moves, -moves])
    strain = both[:, number:]
    deformation = exponential(strain)
    positions = (frame.positions + both[:, :number]) @ deformation
    cells = frame.cell.array @ deformation
    frames = [
        Atoms(numbers=frame.numbers, positions=where, cell=cell, pbc=True)
        for where, cell in zip(positions, cells, strict=True)
    ]
    labels = evaluate_all(potential, frames, "displaced and strained structures")
    virial = -abs(np.linalg.det(cells))[:, None, None] * (labels.stresses + pressure * np.eye(3))
    of_cell = strain_force(strain, virial) / stiffness
    force = np.concatenate([labels.forces @ deformation, of_cell], axis=1).reshape(len(both), -1)
    steps = np.append(np.full(3 * number, DISPLACEMENT), np.full(6, STRAIN * stiffness))
    rows = (force[len(moves) :] - force[: len(moves)]) / (2 * steps[:, None])
    hessian = rows[np.append(np.arange(3 * number), 3 * number + ELEMENTS)]
    return np.asarray((hessian + hessian.T) / 2)
