"""Steps of the cell towards a pressure."""

from __future__ import annotations

import cellconstructor.symmetries
import numpy as np
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa
from numpy.typing import NDArray

from ..potentials.base import Potential
from .dynamics import Phonons, to_atoms
from .evaluation import evaluate_all

STRAIN = 0.002
SOFTEST = 20 * GPa


def stiffness(phonons: Phonons, potential: Potential) -> NDArray[np.float64]:
    """Static stress response to strain at fixed scaled positions, shape (6, 6), eV/angstrom^3, positive definite.

    From central differences; only a preconditioner of the cell steps, so soft directions are stiffened to 20 GPa or
    a tenth of the stiffest.

    :raises EvaluationError: the potential refuses a strained cell
    """
    atoms = to_atoms(phonons.structure)
    strained = []
    for component in range(6):
        for sign in (1, -1):
            frame = atoms.copy()
            frame.set_cell(atoms.cell.array @ (np.eye(3) + _strain(sign * STRAIN * np.eye(6)[component])), True)
            strained.append(frame)
    stresses = evaluate_all(potential, strained, "strained cells").stresses
    voigt = np.array([full_3x3_to_voigt_6_stress(stress) for stress in stresses]).reshape(6, 2, 6)
    response = (voigt[:, 0] - voigt[:, 1]) / (2 * STRAIN)
    values, vectors = np.linalg.eigh((response + response.T) / 2)
    return np.asarray((vectors * np.maximum(values, max(SOFTEST, 0.1 * values.max()))) @ vectors.T)


def step(phonons: Phonons, excess: NDArray[np.float64], stiffness: NDArray[np.float64], largest_strain: float) -> None:
    """Strain the matrices' cell, in place, so that an excess of pressure goes away.

    :param excess: shape (3, 3), pressure tensor less the target, eV/angstrom^3
    :param stiffness: as from :func:`stiffness`
    :param largest_strain: the strain is scaled down to this norm
    """
    strain = _strain(np.linalg.solve(stiffness, full_3x3_to_voigt_6_stress(excess)))
    symmetry = cellconstructor.symmetries.QE_Symmetry(phonons.structure)
    symmetry.SetupQPoint()
    strain = np.array(strain, order="F")
    symmetry.ApplySymmetryToMatrix(strain)
    strain *= min(1.0, largest_strain / max(float(np.linalg.norm(strain)), 1e-12))
    phonons.AdjustToNewCell(np.array(phonons.structure.unit_cell) @ (np.eye(3) + strain))


def _strain(voigt: NDArray[np.float64]) -> NDArray[np.float64]:
    xx, yy, zz, yz, xz, xy = voigt
    return np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
