"""Extrapolation grades: how far an atom's surroundings are outside those a potential was trained on.

Podryabinkin and Shapeev, Comput. Mater. Sci. 140, 171 (2017): among the training rows the square matrix A of maximal
volume is selected; a new row phi is c A, and its grade is max |c|. Up to 1 is interpolation.

The features of a graph network span less than their number, so c sees a part of phi only. What is left, the distance of
phi to the span, is a grade of its own in units of the largest distance of a training row; the larger of both counts.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from ase import Atoms
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet
from motep.grade.grader import Grader as MotepGrader
from motep.grade.maxvol import InitMethod, MaxVol
from motep.grade.setting import GradeMode
from numpy.typing import NDArray

from ..errors import InputError
from ..frames import bare
from ..potentials.m3gnet.graph import batch_frames
from ..potentials.m3gnet.model import FactorisedM3GNet
from ..potentials.mattersim import read_checkpoint
from ..potentials.resolve import resolve_file
from ..potentials.screening import refusal
from ..potentials.specification import parse_specification
from .mtp import PARAMETERS, load_mtp_to_train

logging.getLogger("motep").setLevel(logging.WARNING)  # it logs every row

SMALLEST_COMPONENT = 1e-3
"""Principal components of the features below this fraction of the largest are noise."""

ROUNDING = 1e-6
"""Of the largest features: they are computed in single precision."""

BATCH = 16


class Grader(ABC):
    """Grades frames against a training set."""

    @abstractmethod
    def grade(self, frame: Atoms) -> NDArray[np.float64]:
        """Grade of each atom of a sane frame, shape (n_atoms,)."""


class MtpGrader(Grader):
    """Grades by the derivatives of an atom's energy by the potential's parameters, as MLIP does."""

    def __init__(self, specification: str, training: Sequence[Atoms], argument: str = "--potential") -> None:
        learner = load_mtp_to_train(resolve_file(parse_specification(specification, argument), argument), argument)
        if learner.is_new:
            raise InputError(argument, "the MTP is not trained", "train it first")
        learner.data.optimized = PARAMETERS
        rows = sum(len(frame) for frame in training)
        if rows < learner.data.number_of_parameters_optimized:
            raise InputError(
                "--training",
                f"{rows} atoms do not fix {learner.data.number_of_parameters_optimized} parameters",
                "give all frames the potential was trained on",
            )
        self._grader = MotepGrader(learner.data, seed=1, mode=GradeMode.NEIGHBORHOOD)
        self._grader.update([bare(frame) for frame in training])

    def grade(self, frame: Atoms) -> NDArray[np.float64]:
        (graded,) = self._grader.grade([bare(frame)])
        return np.asarray(graded.calc.results["nbh_grades"], dtype=float)


class FeatureGrader(Grader):
    """Grades by the features a graph network hands to its last layers, species by species.

    An element that the training frames lack has an infinite grade.
    """

    def __init__(self, model: M3Gnet, training: Sequence[Atoms]) -> None:
        self._evaluator = FactorisedM3GNet.from_stock(model)
        features = [
            part for first in range(0, len(training), BATCH) for part in self._features(training[first:][:BATCH])
        ]
        rows, numbers = np.concatenate(features), np.concatenate([frame.numbers for frame in training])
        self._spaces = {int(number): _space(rows[numbers == number]) for number in np.unique(numbers)}

    def grade(self, frame: Atoms) -> NDArray[np.float64]:
        (features,) = self._features([frame])
        grades = np.full(len(frame), np.inf)
        for number, space in self._spaces.items():
            chosen = frame.numbers == number
            if chosen.any():
                grades[chosen] = space.grade(features[chosen])
        return grades

    def _features(self, frames: Sequence[Atoms]) -> list[NDArray[np.float64]]:
        """Inputs of the last layers, one array (n_atoms, units) per frame."""
        seen: list[torch.Tensor] = []
        hook = self._evaluator.stock.final.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
        graph = batch_frames(frames, self._evaluator.cutoff, self._evaluator.threebody_cutoff)
        try:
            with torch.no_grad():
                self._evaluator.energies(graph, graph.vectors)
        finally:
            hook.remove()
        return np.split(seen[0].double().numpy(), np.cumsum([len(frame) for frame in frames])[:-1])


@dataclass(frozen=True)
class _Space:
    """Coordinates of one species: principal components of its training features, a constant, and the selected rows.

    ``directions`` are orthonormal rows, ``scales`` the standard deviations along them, ``width`` the distance to their
    span that is a grade of 1.
    """

    mean: NDArray[np.float64]
    directions: NDArray[np.float64]
    scales: NDArray[np.float64]
    inverse: NDArray[np.float64]
    width: float

    def grade(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = np.abs(self.coordinates(features) @ self.inverse).max(axis=1)
        return np.maximum(inside, self.distance(features) / self.width)

    def coordinates(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([np.ones(len(features)), (features - self.mean) @ self.directions.T / self.scales])

    def distance(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """To the span of the training features, shape (n_atoms,)."""
        centred = features - self.mean
        return np.linalg.norm(centred - centred @ self.directions.T @ self.directions, axis=1)


def _space(features: NDArray[np.float64]) -> _Space:
    mean = features.mean(axis=0)
    _, sizes, directions = np.linalg.svd(features - mean, full_matrices=False)
    kept = (sizes > SMALLEST_COMPONENT * sizes[0]) & (sizes > 1e-9)
    count = min(int(kept.sum()), len(features) - 1)
    scales = sizes[:count] / np.sqrt(len(features))
    space = _Space(mean, directions[:count], scales, np.eye(count + 1), 1.0)
    rows = space.coordinates(features)
    selected = MaxVol(init_method=InitMethod.QR, threshold=1e-9, maxiter=100_000).run(rows).submatrix
    noise = SMALLEST_COMPONENT * _longest(features - mean), ROUNDING * _longest(features)
    width = max(float(space.distance(features).max()), *noise)
    return replace(space, inverse=np.linalg.inv(selected), width=width)


def _longest(rows: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(rows, axis=1).max())


def load_grader(specification: str, training: Sequence[Atoms], argument: str = "--potential") -> Grader:
    """The grader of a potential's kind, fitted to the frames it was trained on.

    :raises InputError: a kind without grades, no such file, or too few training frames
    """
    sane = [frame for frame in training if refusal(frame) is None]
    if not sane:
        raise InputError("--training", "holds no frame that can be computed", "give the frames trained on")
    parsed = parse_specification(specification, argument)
    if parsed.kind == "mtp" and not parsed.is_new:
        return MtpGrader(specification, sane, argument)
    if parsed.kind == "mattersim" and not parsed.is_new:
        model, _ = read_checkpoint(resolve_file(parsed, argument), argument=argument)
        return FeatureGrader(model, sane)
    raise InputError(argument, f"{specification!r} has no extrapolation grade", "give mattersim:FILE or mtp:FILE")


def grade(frames: Sequence[Atoms], grader: Grader) -> list[Atoms]:
    """Copies of ``frames`` with ``info['grade']``, the largest of their atoms' grades.

    A frame that cannot be computed gets ``status`` and ``reason`` instead, an infinite grade ``status`` ``failed``.
    """
    graded = []
    for frame in frames:
        result = frame.copy()
        result.calc = frame.calc
        problem = refusal(frame)
        largest = np.inf if problem is not None else float(grader.grade(frame).max())
        if problem is not None:
            result.info |= {"status": problem.status, "reason": problem.reason}
        elif not np.isfinite(largest):
            result.info |= {"status": "failed", "reason": "an element is not in the training frames"}
        else:
            result.info["grade"] = largest
            result.info.setdefault("status", "ok")
        graded.append(result)
    return graded
