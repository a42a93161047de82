"""A potential that refuses what is outside its training set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ase import Atoms

from ..errors import InputError
from .base import Evaluation, Potential

if TYPE_CHECKING:
    from ..learning.grade import Grader


class GuardedPotential(Potential):
    """Another potential, for frames whose extrapolation grade is at most ``largest_grade``.

    A frame above it is ``failed`` with its grade as the reason: a relaxation that comes there ends, and so does an
    SSCHA population.
    """

    def __init__(self, potential: Potential, grader: Grader, largest_grade: float) -> None:
        self.potential, self.grader, self.largest_grade = potential, grader, largest_grade
        self.elements, self.cutoff = potential.elements, potential.cutoff

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        evaluations = self.potential.evaluate(frames)
        return [self._judged(frame, evaluation) for frame, evaluation in zip(frames, evaluations, strict=True)]

    def _judged(self, frame: Atoms, evaluation: Evaluation) -> Evaluation:
        if evaluation.status != "ok":
            return evaluation
        grade = float(self.grader.grade(frame).max())
        if grade <= self.largest_grade:
            return evaluation
        return Evaluation("failed", f"outside what the potential knows: grade {grade:.3g} > {self.largest_grade:g}")


def calibrated_guard(
    potential: Potential, grader: Grader, held_out: Sequence[Atoms], largest_error: float, argument: str
) -> GuardedPotential:
    """A guard at the largest grade up to which the forces of held-out structures are right to an error.

    :param held_out: labelled structures that the potential was not trained on
    :param largest_error: RMSE of the forces, meV/angstrom
    :param argument: what an error names
    :raises InputError: too few held-out structures, or no grade has so small an error
    """
    from ..learning.calibration import calibrate

    calibration = calibrate(held_out, potential, grader, argument)
    threshold = calibration.threshold(largest_error)
    if threshold is None:
        least = f"the least is {min(calibration.errors):.0f} on {len(calibration.grades)} held-out structures"
        raise InputError(
            argument,
            f"no grade has force errors within {largest_error:g} meV/angstrom, {least}",
            "train it further, or allow a larger error",
        )
    return GuardedPotential(potential, grader, threshold)
