"""Least squares with known answers."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from aiida_anhcsp.engine.learning.levenberg import Expansion, minimise


class Residuals:
    """Residuals given as a function, with their Jacobian by central differences in units of the parameters."""

    def __init__(self, function, units=1.0) -> None:
        self.function, self.units, self.here, self.evaluations = function, units, None, 0

    def value(self, parameters: NDArray[np.float64]) -> float:
        self.here, self.evaluations = parameters, self.evaluations + 1
        residuals = self.function(parameters)
        return float(residuals @ residuals)

    def expand(self) -> Expansion:
        widths = 1e-6 * self.units * np.ones(len(self.here))
        steps = np.diag(widths)
        rises = np.array([self.function(self.here + step) - self.function(self.here - step) for step in steps])
        jacobian = (rises / (2 * widths[:, None])).T
        residuals = self.function(self.here)
        return Expansion(float(residuals @ residuals), jacobian.T @ residuals, jacobian.T @ jacobian)


def rosenbrock(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def nothing(parameters: NDArray[np.float64], value: float) -> bool:
    return False


def test_linear_least_squares_are_solved_at_once():
    rng = np.random.default_rng(1)
    matrix, target = rng.normal(size=(30, 5)), rng.normal(size=30)
    found = minimise(Residuals(lambda x: matrix @ x - target), np.zeros(5), 10, nothing)
    np.testing.assert_allclose(found, np.linalg.lstsq(matrix, target, rcond=None)[0], atol=1e-8)


def test_minimum_of_a_curved_valley_is_found():
    squares = Residuals(rosenbrock)
    found = minimise(squares, np.array([-1.2, 1.0]), 100, nothing)
    np.testing.assert_allclose(found, [1, 1], atol=1e-4)
    assert squares.evaluations < 60


def test_sum_never_rises_and_every_iteration_is_recorded():
    values: list[float] = []
    minimise(Residuals(rosenbrock), np.array([-1.2, 1.0]), 7, lambda x, value: bool(values.append(value)))
    assert len(values) == 7
    assert all(later < earlier for earlier, later in itertools.pairwise(values))


def test_parameters_of_very_different_size_are_no_harder():
    paths = []
    for unit in (np.ones(2), np.array([1e-4, 1e5])):
        squares = Residuals(lambda x, unit=unit: rosenbrock(x / unit), unit)
        values: list[float] = []
        minimise(squares, np.array([-1.2, 1.0]) * unit, 7, lambda x, value, values=values: bool(values.append(value)))
        paths.append(values)
    assert len(paths[0]) == 7
    np.testing.assert_allclose(paths[0], paths[1], rtol=1e-6)


def test_parameter_without_influence_stays_where_it_is():
    found = minimise(Residuals(lambda x: np.array([x[0] - 2.0])), np.array([0.0, 5.0]), 20, nothing)
    np.testing.assert_allclose(found, [2, 5], atol=1e-6)


def test_points_where_the_sum_is_infinite_are_stepped_back_from():
    def walled(x: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.array([np.log(x[0]) - 1.0]) if x[0] > 0 else np.array([np.inf])

    found = minimise(Residuals(walled), np.array([50.0]), 50, nothing)
    np.testing.assert_allclose(found, [np.e], rtol=1e-6)


def test_whoever_records_can_end_it():
    seen: list[float] = []

    def enough(parameters: NDArray[np.float64], value: float) -> bool:
        seen.append(value)
        return len(seen) == 2

    minimise(Residuals(rosenbrock), np.array([-1.2, 1.0]), 50, enough)
    assert len(seen) == 2
