"""What an extrapolation grade means for a potential: the force error of held-out structures up to that grade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from ..errors import InputError
from ..frames import labels_of
from ..potentials.base import Potential
from .grade import Grader

SMALLEST_SET = 5


@dataclass(frozen=True)
class Calibration:
    """Grades in rising order, and for each the RMSE (meV/angstrom) of the force components of structures up to it."""

    grades: tuple[float, ...]
    errors: tuple[float, ...]

    def threshold(self, error: float) -> float | None:
        """The largest grade up to which the RMSE is at most ``error`` (meV/angstrom); None where it never is."""
        within = [grade for grade, rmse in zip(self.grades, self.errors, strict=True) if rmse <= error]
        return max(within, default=None)

    def summary(self, error: float) -> dict[str, Any]:
        """For a JSON file: ``target_error``, ``threshold`` (absent if there is none), ``grades``, ``errors``."""
        result: dict[str, Any] = {"target_error": error, "grades": list(self.grades), "errors": list(self.errors)}
        threshold = self.threshold(error)
        return result if threshold is None else {"threshold": threshold, **result}


def calibrate(held_out: Sequence[Atoms], potential: Potential, grader: Grader, argument: str) -> Calibration:
    """Grade labelled structures that the potential was not trained on, and compare with its errors.

    :raises InputError: too few structures that can be computed and carry forces
    """
    rows = []
    for frame, evaluation in zip(held_out, potential.evaluate(held_out), strict=True):
        if evaluation.forces is None or "forces" not in labels_of(frame):
            continue
        squares = (1e3 * (evaluation.forces - labels_of(frame)["forces"])) ** 2
        rows.append((float(grader.grade(frame).max()), float(squares.sum()), squares.size))
    if len(rows) < SMALLEST_SET:
        raise InputError(argument, f"{len(rows)} structures do not calibrate a grade", f"give {SMALLEST_SET} or more")
    grades, sums, sizes = np.array(sorted(rows)).T
    errors = np.sqrt(np.cumsum(sums) / np.cumsum(sizes))
    return Calibration(tuple(map(float, grades)), tuple(map(float, errors)))
