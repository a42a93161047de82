"""Steps of the cell towards a pressure."""

from __future__ import annotations

import cellconstructor.symmetries
import numpy as np
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa
from cellconstructor.Phonons import Phonons
from numpy.typing import NDArray

from ..potentials.base import Potential
from .dynamics import to_atoms
from .evaluation import evaluate_all

STRAIN = 0.002
SOFTEST = 20 * GPa


class CellSteps:
    """Newton steps with the static stiffness of the potential, scaled by how the pressure answered the last step.

    :param stiffness: as from :func:`static_stiffness`
    :param largest_strain: bound on the norm of one step's strain
    """

    def __init__(self, stiffness: NDArray[np.float64], largest_strain: float) -> None:
        self._stiffness, self._largest_strain = stiffness, largest_strain
        self._last: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def move(self, phonons: Phonons, excess: NDArray[np.float64], error: NDArray[np.float64]) -> None:
        """Strain the matrices' cell, in place, so that an excess of pressure goes away.

        :param excess: shape (3, 3), pressure tensor less the target, eV/angstrom^3
        :param error: standard error of the excess; what is within three of it teaches nothing on the stiffness
        """
        excess_voigt = full_3x3_to_voigt_6_stress(excess)
        if self._last is not None:
            strain, before = self._last
            if np.max(np.abs(before)) > 3 * np.max(error):
                answer = float(strain @ (before - excess_voigt)) / float(strain @ self._stiffness @ strain)
                self._stiffness = self._stiffness * min(max(answer, 0.5), 2.0)
        strain = self._symmetrised(phonons, np.linalg.solve(self._stiffness, excess_voigt))
        strain *= min(1.0, self._largest_strain / max(float(np.linalg.norm(strain)), 1e-12))
        self._last = strain, excess_voigt
        phonons.AdjustToNewCell(np.array(phonons.structure.unit_cell) @ (np.eye(3) + _tensor(strain)))

    @staticmethod
    def _symmetrised(phonons: Phonons, strain: NDArray[np.float64]) -> NDArray[np.float64]:
        symmetry = cellconstructor.symmetries.QE_Symmetry(phonons.structure)
        symmetry.SetupQPoint()
        tensor = np.array(_tensor(strain), order="F")
        symmetry.ApplySymmetryToMatrix(tensor)
        return np.asarray(full_3x3_to_voigt_6_stress(tensor) * [1, 1, 1, 2, 2, 2])


def static_stiffness(phonons: Phonons, potential: Potential) -> NDArray[np.float64]:
    """Static stress response to strain at fixed scaled positions, shape (6, 6), eV/angstrom^3, positive definite.

    From central differences; only a preconditioner of the cell's steps, so soft directions are stiffened to 20 GPa or
    a tenth of the stiffest.

    :raises EvaluationError: the potential refuses a strained cell
    """
    atoms = to_atoms(phonons.structure)
    strained = []
    for component in range(6):
        for sign in (1, -1):
            frame = atoms.copy()
            frame.set_cell(atoms.cell.array @ (np.eye(3) + _tensor(sign * STRAIN * np.eye(6)[component])), True)
            strained.append(frame)
    stresses = evaluate_all(potential, strained, "strained cells").stresses
    voigt = np.array([full_3x3_to_voigt_6_stress(stress) for stress in stresses]).reshape(6, 2, 6)
    response = (voigt[:, 0] - voigt[:, 1]) / (2 * STRAIN)
    values, vectors = np.linalg.eigh((response + response.T) / 2)
    return np.asarray((vectors * np.maximum(values, max(SOFTEST, 0.1 * values.max()))) @ vectors.T)


def _tensor(voigt: NDArray[np.float64]) -> NDArray[np.float64]:
    xx, yy, zz, yz, xz, xy = voigt
    return np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
