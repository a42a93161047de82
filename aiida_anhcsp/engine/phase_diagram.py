"""Phase boundaries from free energies (or enthalpies) on a grid of pressures."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMALLEST_ERROR = 1e-6
"""eV/atom, for values without noise; the scatter about the fit raises it."""
DEGREE = 2


@dataclass(frozen=True)
class Curve:
    """G(P) of a phase at one temperature: ``pressures`` (GPa), ``values`` and ``errors`` (eV/atom), each (n,)."""

    pressures: NDArray[np.float64]
    values: NDArray[np.float64]
    errors: NDArray[np.float64]


@dataclass(frozen=True)
class Transition:
    """``lower`` is stable below ``pressure`` (GPa), ``upper`` above; ``error`` is the standard error, GPa."""

    lower: str
    upper: str
    pressure: float
    error: float


@dataclass(frozen=True)
class DifferenceFit:
    """Polynomial in P - ``centre`` of the difference of two curves, with the covariance of its coefficients.

    ``coefficients`` (k,) ascending, ``covariance`` (k, k); valid from ``lowest`` to ``highest`` (GPa).
    """

    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    centre: float
    lowest: float
    highest: float

    def __call__(self, pressure: float) -> float:
        """Difference at a pressure, eV/atom."""
        return float(self._powers(pressure) @ self.coefficients)

    def error(self, pressure: float) -> float:
        """Standard error of the difference, eV/atom."""
        powers = self._powers(pressure)
        return float(np.sqrt(powers @ self.covariance @ powers))

    def slope(self, pressure: float) -> float:
        """Derivative of the difference: the difference of the volumes, eV/atom/GPa."""
        orders = np.arange(1, len(self.coefficients))
        return float(np.sum(orders * self.coefficients[1:] * (pressure - self.centre) ** (orders - 1)))

    def zeros(self) -> list[float]:
        """Pressures within the fit's range at which the difference vanishes, ascending, GPa."""
        roots = np.polynomial.polynomial.polyroots(self.coefficients)
        real = roots[np.abs(roots.imag) < 1e-9].real + self.centre
        return sorted(float(root) for root in real if self.lowest <= root <= self.highest)

    def _powers(self, pressure: float) -> NDArray[np.float64]:
        return np.asarray((pressure - self.centre) ** np.arange(len(self.coefficients)))


def fit_difference(first: Curve, second: Curve) -> DifferenceFit | None:
    """Weighted least-squares parabola (a line of two points) of second - first at the pressures both have.

    The difference is fitted, not the curves: it is small and smooth, and the volumes of the two phases cancel in it
    but for their difference. Where the points scatter more than their errors say, the covariance is scaled up.

    :return: None where the curves share fewer than two pressures
    """
    common = np.intersect1d(first.pressures, second.pressures)
    if len(common) < 2:
        return None
    rows = [np.searchsorted(curve.pressures, common, sorter=np.argsort(curve.pressures)) for curve in (first, second)]
    index = [np.argsort(curve.pressures)[row] for curve, row in zip((first, second), rows, strict=True)]
    values = second.values[index[1]] - first.values[index[0]]
    errors = np.maximum(np.hypot(second.errors[index[1]], first.errors[index[0]]), SMALLEST_ERROR)
    centre = float(common.mean())
    number = min(DEGREE + 1, len(common))
    design = (common - centre)[:, None] ** np.arange(number) / errors[:, None]
    covariance = np.linalg.inv(design.T @ design)
    coefficients = covariance @ design.T @ (values / errors)
    freedom = len(common) - number
    if freedom > 0:
        scatter = float(np.sum((values / errors - design @ coefficients) ** 2)) / freedom
        covariance = covariance * max(1.0, scatter)
    return DifferenceFit(coefficients, np.asarray(covariance, dtype=float), centre, float(common[0]), float(common[-1]))


def transitions(curves: Mapping[str, Curve]) -> list[Transition]:
    """Transitions between the phases that are lowest, by ascending pressure.

    A zero of the difference of two phases counts where no third phase lies below both. Nothing is extrapolated.

    :param curves: by name of the phase
    """
    found = []
    for first, second in itertools.combinations(sorted(curves), 2):
        fit = fit_difference(curves[first], curves[second])
        if fit is None:
            continue
        for pressure in fit.zeros():
            slope = fit.slope(pressure)
            if slope == 0 or _hidden(curves, first, second, pressure):
                continue
            lower, upper = (first, second) if slope < 0 else (second, first)
            found.append(Transition(lower, upper, pressure, fit.error(pressure) / abs(slope)))
    return sorted(found, key=lambda transition: transition.pressure)


def _hidden(curves: Mapping[str, Curve], first: str, second: str, pressure: float) -> bool:
    """Whether a third phase is lower than ``first`` where it meets ``second``."""
    for name in curves:
        if name not in (first, second):
            fit = fit_difference(curves[first], curves[name])
            if fit is not None and fit.lowest <= pressure <= fit.highest and fit(pressure) < 0:
                return True
    return False
