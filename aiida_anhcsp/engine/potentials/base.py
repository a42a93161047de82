"""The interface a potential offers to relaxation, search, learning and SSCHA."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

Status = Literal["ok", "too_close", "nonfinite", "failed"]


@dataclass(frozen=True)
class Evaluation:
    """What a potential says of one frame; labels are present only where ``status`` is ``ok``.

    ``energy`` in eV; ``forces`` of shape (n_atoms, 3) in eV/angstrom; ``stress`` of shape (6,), Voigt order and
    sign as in ASE, in eV/angstrom^3.
    """

    status: Status
    reason: str = ""
    energy: float | None = None
    forces: NDArray[np.float64] | None = None
    stress: NDArray[np.float64] | None = None


class Potential(ABC):
    """A potential energy surface for periodic frames.

    ``elements`` are the chemical symbols it was made for, or None where it takes any; ``cutoff`` is the range of
    its interactions in angstrom, or None where that is unknown.
    """

    elements: frozenset[str] | None = None
    cutoff: float | None = None

    @abstractmethod
    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate frames: one :class:`Evaluation` per frame, in order.

        Never raises for a bad frame: that frame's ``status`` and ``reason`` say what is wrong with it, and the
        others are not affected by its company.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to do
        """Let go of what it holds beyond memory, such as other processes."""
