"""The cell as the exponential of a symmetric strain, after ASE's FrechetCellFilter.

A structure is described by reference positions z and U = log F, with x = z F and cell = reference cell F. F is kept
symmetric, so that the cell cannot turn; in the eigenbasis of U the derivative of the exponential is known in closed
form (Daleckii and Krein; Higham, Functions of Matrices, theorem 3.11).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def exponential(strain: Floats) -> Floats:
    """F = exp(U) of symmetric matrices of shape (n, 3, 3)."""
    values, vectors = np.linalg.eigh(strain)
    return (vectors * np.exp(values)[:, None, :]) @ vectors.transpose(0, 2, 1)


def strain_force(strain: Floats, virial: Floats) -> Floats:
    """-dH/dU at fixed reference positions, for U and the virial -V (stress + P) of shape (n, 3, 3).

    With F symmetric, the virial's elements in the eigenbasis of U are multiplied by sinh(d)/d, d the difference of
    the two eigenvalues.
    """
    values, vectors = np.linalg.eigh(strain)
    difference = values[:, :, None] - values[:, None, :]
    small = np.abs(difference) < 1e-4
    safe = np.where(small, 1.0, difference)
    factor = np.where(small, 1.0 + difference**2 / 6, np.sinh(safe) / safe)
    transposed = vectors.transpose(0, 2, 1)
    force = vectors @ (factor * (transposed @ virial @ vectors)) @ transposed
    return (force + force.transpose(0, 2, 1)) / 2


def full_stress(voigt: Floats) -> Floats:
    """Stresses of shape (n, 3, 3) from Voigt order (n, 6)."""
    return voigt[:, [[0, 5, 4], [5, 1, 3], [4, 3, 2]]]
