"""A potential that refuses what is outside its training set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ase import Atoms

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
