"""The checkpoint of a training of a moment tensor potential: where the minimiser has come to."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ..frames import labels_of
from .settings import CompleteSettings

logger = logging.getLogger(__name__)


@dataclass
class MtpState:
    """Where a training is: the parameters of now, those of the lowest validation loss, and the losses so far."""

    parameters: NDArray[np.float64]
    best: NDArray[np.float64]
    losses: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)

    def history(self) -> list[dict[str, Any]]:
        """Record of each iteration: ``epoch``, ``loss`` and, with a validation set, ``validation_loss``."""
        records = [{"epoch": epoch, "loss": loss} for epoch, loss in enumerate(self.losses)]
        for record, loss in zip(records, self.validation, strict=False):
            record["validation_loss"] = loss
        return records


@dataclass(frozen=True)
class MtpCheckpoint:
    """The state of a training after each iteration; ``fingerprint`` tells one training from another.

    The damping is not kept: it is found again within a few iterations.
    """

    path: Path
    fingerprint: str

    def load(self) -> MtpState | None:
        """None where there is no checkpoint of this training."""
        if not self.path.is_file():
            return None
        with np.load(self.path) as kept:
            if str(kept["fingerprint"]) != self.fingerprint:
                logger.warning("%s is of another training and is not continued", self.path)
                return None
            state = MtpState(kept["parameters"], kept["best"], kept["losses"].tolist(), kept["validation"].tolist())
        logger.info("continuing after iteration %d", len(state.losses) - 1)
        return state

    def save(self, state: MtpState) -> None:
        """Write the state, whole or not at all."""
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("wb") as handle:
            np.savez(handle, fingerprint=self.fingerprint, **vars(state))
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
