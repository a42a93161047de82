"""How far the errors of a potential cancel in what SSCHA makes of its forces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from cellconstructor.Phonons import Phonons
from numpy.typing import NDArray
from sscha.Ensemble import Bohr

from ..frames import labels_of


@dataclass(frozen=True)
class Cancellation:
    """Differences reference - model on one ensemble: of single configurations, and of their averages.

    ``forces`` (n, n_atoms, 3) and ``gradient`` (n_primitive, 3), the difference in -dF/dR, eV/angstrom;
    ``curvatures`` (n, 3 n_atoms, 3 n_atoms), what each configuration contributes to the force constants of the
    self-consistency condition, and ``curvature``, their average, symmetric, eV/angstrom^2.
    """

    forces: NDArray[np.float64]
    gradient: NDArray[np.float64]
    curvatures: NDArray[np.float64]
    curvature: NDArray[np.float64]

    def summary(self) -> dict[str, float]:
        """Root mean squares over components (meV/angstrom, eV/angstrom^2), and by how much averaging reduces them."""
        single, averaged = 1000 * rms(self.forces), 1000 * rms(self.gradient)
        return {
            "configurations": len(self.forces),
            "force_rmse": single,
            "gradient_rmse": averaged,
            "force_reduction": single / averaged,
            "curvature_rmse": rms(self.curvatures),
            "average_curvature_rmse": rms(self.curvature),
            "curvature_reduction": rms(self.curvatures) / rms(self.curvature),
        }


def cancellation(
    phonons: Phonons, temperature: float, model: Sequence[Atoms], reference: Sequence[Atoms]
) -> Cancellation:
    """Compare two potentials on configurations of the matrices' Gaussian.

    The average of the force difference is the difference in the gradient of the free energy with respect to the
    centroids, and the average of its product with Upsilon u that in the auxiliary force constants (Bianco et al., Phys.
    Rev. B 96, 014111 (2017), Eqs. 18 and 24): random errors of single forces average out of both.

    :param temperature: K, that the configurations were drawn at
    :param model: configurations with forces, supercell by cells as python-sscha orders them
    :param reference: the same with the reference's forces
    :raises ValueError: the two lists differ in length
    """
    theirs, ours = ([labels_of(frame)["forces"] for frame in side] for side in (reference, model))
    if len(theirs) != len(ours):
        raise ValueError(f"{len(theirs)} labels for {len(ours)} configurations")
    forces = np.array(theirs) - np.array(ours)
    centroids = phonons.structure.generate_supercell(phonons.GetSupercell()).coords
    displacements = np.array([frame.positions for frame in model]) - centroids
    upsilon = np.asarray(phonons.GetUpsilonMatrix(temperature)) / Bohr**2
    conjugate = displacements.reshape(len(forces), -1) @ upsilon
    curvatures = -np.einsum("ni,nj->nij", conjugate, forces.reshape(len(forces), -1))
    average = curvatures.mean(axis=0)
    n_cells = int(np.prod(phonons.GetSupercell()))
    return Cancellation(
        forces=forces,
        gradient=forces.mean(axis=0).reshape(n_cells, -1, 3).mean(axis=0),
        curvatures=(curvatures + curvatures.transpose(0, 2, 1)) / 2,
        curvature=(average + average.T) / 2,
    )


def rms(values: NDArray[np.float64]) -> float:
    """Root mean square of all components."""
    return float(np.sqrt(np.mean(values**2)))
