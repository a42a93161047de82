"""The checkpoint of a training of a moment tensor potential: where the minimiser has come to."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ..frames import labels_of
from .settings import CompleteSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MtpCheckpoint:
    """Parameters and losses of a training after each iteration; ``fingerprint`` tells one training from another.

    The damping is not kept: it is found again within a few iterations.
    """

    path: Path
    fingerprint: str

    def load(self) -> tuple[NDArray[np.float64], list[float]] | None:
        """Parameters and the losses so far; None where there is no checkpoint of this training."""
        if not self.path.is_file():
            return None
        with np.load(self.path) as state:
            if str(state["fingerprint"]) != self.fingerprint:
                logger.warning("%s is of another training and is not continued", self.path)
                return None
            losses = [float(loss) for loss in state["losses"]]
            logger.info("continuing after iteration %d", len(losses) - 1)
            return state["parameters"], losses

    def save(self, parameters: NDArray[np.float64], losses: Sequence[float]) -> None:
        """Write the state, whole or not at all."""
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("wb") as handle:
            np.savez(handle, fingerprint=self.fingerprint, parameters=parameters, losses=losses)
        os.replace(temporary, self.path)

    def remove(self) -> None:
        """The training has ended."""
        self.path.unlink(missing_ok=True)


def fingerprint_of(frames: Sequence[Atoms], settings: CompleteSettings, parameters: NDArray[np.float64]) -> str:
    """Equal for the same frames and labels, settings, and parameters to begin with."""
    digest = hashlib.sha256(settings.model_dump_json().encode())
    for frame in frames:
        for values in (frame.numbers, frame.cell.array, frame.positions, *labels_of(frame).values()):
            digest.update(np.ascontiguousarray(values, dtype=float).tobytes())
    digest.update(parameters.tobytes())
    return digest.hexdigest()
