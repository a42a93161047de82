"""The weighted squared errors of a moment tensor potential, with their derivatives by its parameters from motep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from motep.calculator import make_calculator
from motep.potentials.mtp.data import MTPData
from numpy.typing import NDArray

from ..frames import bare, labels_of
from .levenberg import Expansion
from .settings import Weights


class MtpErrors:
    """Mean over structures of the squared errors of energy per atom, forces (mean over atoms) and virial per atom.

    :param derivatives: whether the errors are to be expanded, not only evaluated
    :param shares: factors of the structures, shape (n_frames,); all 1 if not given
    """

    def __init__(
        self,
        frames: Sequence[Atoms],
        data: MTPData,
        weights: Weights,
        *,
        derivatives: bool = True,
        shares: NDArray[np.float64] | None = None,
    ) -> None:
        self.data, self.weights = data, weights
        self.images = [bare(frame) for frame in frames]
        self.shares = np.ones(len(frames)) if shares is None else shares
        for image, frame in zip(self.images, frames, strict=True):
            image.calc = make_calculator(data, mode="train" if derivatives else "run")
            image.calc.targets = labels_of(frame)

    def value(self, parameters: NDArray[np.float64]) -> float:
        """See :class:`SumOfSquares`."""
        self.data.parameters = parameters
        total = 0.0
        for image, share in zip(self.images, self.shares, strict=True):
            image.calc.update_parameters(self.data)
            image.get_potential_energy()
            total += share * sum(weight * float(residuals @ residuals) for weight, residuals in self._residuals(image))
        return total / len(self.images)

    def expand(self) -> Expansion:
        """See :class:`SumOfSquares`."""
        n = self.data.number_of_parameters_optimized
        value, gradient, hessian = 0.0, np.zeros(n), np.zeros((n, n))
        for image, share in zip(self.images, self.shares, strict=True):
            for (weight, residuals), derivatives in zip(
                self._residuals(image), self._derivatives(image, n), strict=False
            ):
                weight *= share
                value += weight * float(residuals @ residuals)
                gradient += weight * derivatives @ residuals
                hessian += weight * derivatives @ derivatives.T
        count = len(self.images)
        return Expansion(value / count, gradient / count, hessian / count)

    def _residuals(self, image: Atoms) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """Weight and residuals of energy, forces and, where it is labelled, stress."""
        atoms, weights = len(image), self.weights
        results, targets = image.calc.results, image.calc.targets
        yield weights.energy / atoms**2, np.atleast_1d(results["energy"] - targets["energy"])
        yield weights.force / atoms, (results["forces"] - targets["forces"]).ravel()
        if "stress" in targets:
            difference = voigt_6_to_full_3x3_stress(results["stress"] - targets["stress"])
            yield weights.stress * (image.get_volume() / atoms) ** 2, difference.ravel()

    @staticmethod
    def _derivatives(image: Atoms, n: int) -> Iterator[NDArray[np.float64]]:
        engine = image.calc.engine
        for part in (engine.jac_energy, engine.jac_forces, engine.jac_stress):
            yield part(image).parameters.reshape(n, -1)
