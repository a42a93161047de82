"""Levenberg-Marquardt by normal equations: least squares of few parameters and any number of residuals.

The matrix of all derivatives, which SciPy's least squares and lmfit hold, has a row for each force component: here only
its product with itself, of parameters by parameters, is kept. Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963);
the damping follows Nielsen, IMM-REP-1999-05 (DTU).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

FIRST_DAMPING = 1e-3
"""Of the diagonal of the Hessian."""

LARGEST_DAMPING = 1e9
"""A step this short that does not help: there is a minimum."""

STILL = 1e-4
WINDOW = 5
"""The sum is at rest when it falls by less than the fraction STILL in WINDOW iterations."""


@dataclass(frozen=True)
class Expansion:
    """A sum of squares around the parameters of now: r.r, J^T r (n,) and J^T J (n, n)."""

    value: float
    gradient: NDArray[np.float64]
    hessian: NDArray[np.float64]


class SumOfSquares(Protocol):
    """What is minimised; it is expanded only where it was evaluated last."""

    def value(self, parameters: NDArray[np.float64]) -> float:
        """The sum, infinite or NaN where it cannot be computed."""

    def expand(self) -> Expansion:
        """The sum around the parameters it was last evaluated at."""


def minimise(
    squares: SumOfSquares,
    start: NDArray[np.float64],
    iterations: int,
    record: Callable[[NDArray[np.float64], float], bool],
) -> NDArray[np.float64]:
    """Parameters at which the sum is at rest, or after so many iterations.

    :param start: shape (n,); the sum has to be finite there
    :param record: called after each iteration with the parameters and the sum; true where that is enough
    """
    parameters, value = start, squares.value(start)
    scale = np.zeros_like(start)
    damping, growth = FIRST_DAMPING, 2.0
    values = [value]
    for _ in range(iterations):
        local = squares.expand()
        scale = np.maximum(scale, np.diag(local.hessian))
        while True:
            step = _step(local, damping * np.where(scale > 0, scale, 1.0))
            trial = np.inf if step is None else squares.value(parameters + step)
            promised = 0.0 if step is None else -float(2 * local.gradient @ step + step @ local.hessian @ step)
            if step is not None and np.isfinite(trial) and trial < value:
                gain = (value - trial) / max(promised, np.finfo(float).tiny)
                damping *= max(1 / 3, 1 - (2 * min(gain, 1.0) - 1) ** 3)
                growth = 2.0
                break
            damping, growth = damping * growth, 2 * growth
            if damping > LARGEST_DAMPING:
                return parameters
        parameters, value = parameters + step, trial
        values.append(value)
        if record(parameters, value) or (len(values) > WINDOW and values[-1 - WINDOW] - value < STILL * value):
            break
    return parameters


def _step(local: Expansion, damping: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The damped Gauss-Newton step; None where rounding leaves the matrix without a factor."""
    try:
        factor = cho_factor(local.hessian + np.diag(damping))
    except np.linalg.LinAlgError:
        return None
    step: NDArray[np.float64] = cho_solve(factor, -local.gradient)
    return step
