"""What can be trained, whatever its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from ..potentials.base import Evaluation
from .gradient import Report
from .settings import CompleteSettings, Weights


class Learner(ABC):
    """A potential that is being trained.

    ``is_new`` tells that there is nothing to compare with before training; ``default_epochs`` and
    ``default_weights`` hold where the settings leave them open.
    """

    is_new: bool
    default_epochs: int
    default_weights: Weights

    @abstractmethod
    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        """What the potential, as it is now, says of frames."""

    @abstractmethod
    def fit(
        self,
        train: Sequence[Atoms],
        validation: Sequence[Atoms],
        settings: CompleteSettings,
        outdir: Path,
        report: Report,
    ) -> dict[str, Any]:
        """Train; return what belongs in the metrics: ``cutoff`` (angstrom), ``epochs`` and, if fitted, ``shifts``."""

    @abstractmethod
    def save(self, outdir: Path) -> Path:
        """Write the model file into ``outdir`` and return its path."""
