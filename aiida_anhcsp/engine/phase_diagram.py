"""Phase boundaries from free energies (or enthalpies) on a grid of pressures."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SMALLEST_ERROR = 1e-6
"""eV/atom, for values without noise; the scatter about the fit raises it."""
DEGREE = 2
CLEARLY = 1e-3, 3.0
"""eV/atom, and standard errors beyond it, that one phase must be below the other."""


@dataclass(frozen=True)
class Curve:
    """G(P) of a phase at one temperature: ``pressures`` (GPa), ``values`` and ``errors`` (eV/atom), each (n,).

    ``merged`` names the phase that it has become, by pressure, where it is one with another.
    """

    pressures: NDArray[np.float64]
    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    merged: Mapping[float, str] = field(default_factory=dict)

    def alone(self) -> Curve:
        """The points at which the phase is one of its own."""
        own = np.array([pressure not in self.merged for pressure in self.pressures], dtype=bool)
        return Curve(self.pressures[own], self.values[own], self.errors[own])


@dataclass(frozen=True)
class Transition:
    """``lower`` is stable below ``pressure`` (GPa), ``upper`` above; ``error`` is the standard error, GPa."""

    lower: str
    upper: str
    pressure: float
    error: float


@dataclass(frozen=True)
class Merging:
    """``phase`` and ``into`` are two at ``separate`` (GPa) and one at ``merged``, the next pressure that both have."""

    phase: str
    into: str
    separate: float
    merged: float


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
    difference = _difference(first, second)
    common, values = difference.pressures, difference.values
    if len(common) < 2:
        return None
    errors = np.maximum(difference.errors, SMALLEST_ERROR)
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
    """First-order transitions between the phases that are lowest, by ascending pressure.

    A zero of the difference of two phases counts where no third phase lies below both. Two phases that are one at
    other pressures touch where they merge: they cross only if each is clearly the lower one somewhere. Nothing is
    extrapolated.

    :param curves: by name of the phase
    """
    alone = {name: curve.alone() for name, curve in curves.items()}
    found = []
    for first, second in itertools.combinations(sorted(alone), 2):
        fit = fit_difference(alone[first], alone[second])
        if fit is None or (_merge(curves, first, second) and not _cross(alone[first], alone[second])):
            continue
        for pressure in fit.zeros():
            slope = fit.slope(pressure)
            if slope == 0 or _hidden(alone, first, second, pressure):
                continue
            lower, upper = (first, second) if slope < 0 else (second, first)
            found.append(Transition(lower, upper, pressure, fit.error(pressure) / abs(slope)))
    return _told_once(curves, sorted(found, key=lambda transition: transition.pressure))


def mergings(curves: Mapping[str, Curve]) -> list[Merging]:
    """Where two phases become one, by name of the phase and by ascending pressure.

    :param curves: by name of the phase
    """
    found = []
    for name in sorted(curves):
        merged = curves[name].merged
        for into in sorted(set(merged.values()) & set(curves)):
            common = np.intersect1d(curves[name].pressures, curves[into].pressures).tolist()
            for pair in itertools.pairwise(common):
                one = [merged.get(pressure) == into for pressure in pair]
                if one[0] != one[1]:
                    found.append(Merging(name, into, pair[one.index(False)], pair[one.index(True)]))
    return found


def _difference(first: Curve, second: Curve) -> Curve:
    """second - first at the pressures both have, ascending."""
    common, *index = np.intersect1d(first.pressures, second.pressures, return_indices=True)
    errors = np.hypot(second.errors[index[1]], first.errors[index[0]])
    return Curve(common, second.values[index[1]] - first.values[index[0]], errors)


def _merge(curves: Mapping[str, Curve], first: str, second: str) -> bool:
    """Whether two phases are one at a pressure."""
    both = np.intersect1d(curves[first].pressures, curves[second].pressures).tolist()
    return any(curves[first].merged.get(p, first) == curves[second].merged.get(p, second) for p in both)


def _cross(first: Curve, second: Curve) -> bool:
    """Whether each phase is clearly the lower one somewhere."""
    difference = _difference(first, second)
    margin = CLEARLY[0] + CLEARLY[1] * difference.errors
    return bool(np.any(difference.values > margin) and np.any(difference.values < -margin))


def _told_once(curves: Mapping[str, Curve], found: list[Transition]) -> list[Transition]:
    """Without the second of two transitions in a row between a phase and two others that merge.

    What left a phase has left it at the lower pressure, and what a phase was reached from ended at the higher one.
    """
    dropped = set()
    for place, (before, after) in enumerate(itertools.pairwise(found)):
        if before.lower == after.lower and _merge(curves, before.upper, after.upper):
            dropped.add(place + 1)
        if before.upper == after.upper and _merge(curves, before.lower, after.lower):
            dropped.add(place)
    return [transition for place, transition in enumerate(found) if place not in dropped]


def _hidden(curves: Mapping[str, Curve], first: str, second: str, pressure: float) -> bool:
    """Whether a third phase is lower than ``first`` where it meets ``second``."""
    for name in curves:
        if name not in (first, second):
            fit = fit_difference(curves[first], curves[name])
            if fit is not None and fit.lowest <= pressure <= fit.highest and fit(pressure) < 0:
                return True
    return False
