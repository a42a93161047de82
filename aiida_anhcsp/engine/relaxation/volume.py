"""The pre-step: bring a cell near its pressure by its volume alone, before its atoms are asked to move.

At fixed fractional coordinates d(ln V) = (p - P)/B; the bulk modulus B is a guess at first and then the secant of
the last two volumes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from ase.units import GPa

from .ragged import Batch, Floats, Integers

FAR = 50 * GPa
"""A pressure further from the target than this, and than the target, is worth a pre-step: nearer, it costs more
evaluations than it saves (measured on H3S at 150 GPa)."""
ROUNDS = 8
LARGEST_CHANGE = 0.25
"""Of ln V in one round."""
SOFTEST, HARDEST = 30 * GPa, 3000 * GPa


@dataclass(frozen=True)
class VolumeSearch(Batch):
    """``left``: rounds left (0: the pre-step is over); ``modulus`` in eV/angstrom^3."""

    left: Integers
    modulus: Floats
    change: Floats
    pressure: Floats


def volume_start(number: int) -> VolumeSearch:
    """Structures whose pre-step is to come."""
    return VolumeSearch(
        left=np.full(number, ROUNDS), modulus=np.zeros(number), change=np.zeros(number), pressure=np.zeros(number)
    )


def volume_step(state: VolumeSearch, pressure: Floats, target: float) -> tuple[VolumeSearch, Floats]:
    """Next change of ln V of each structure, shape (n_structures,); 0 where the pre-step is over.

    :param pressure: present pressures, shape (n_structures,), eV/angstrom^3
    :param target: eV/angstrom^3
    """
    excess = pressure - target
    searching = (state.left > 0) & (np.abs(excess) > max(FAR, abs(target)))
    guess = 100 * GPa + 3 * np.maximum(np.abs(pressure), abs(target))
    again = (state.change != 0.0) & (state.pressure != pressure)
    secant = (state.pressure - pressure) / np.where(again, state.change, 1.0)
    modulus = np.where(again, np.clip(secant, SOFTEST, HARDEST), guess)
    change = np.where(searching, np.clip(excess / modulus, -LARGEST_CHANGE, LARGEST_CHANGE), 0.0)
    left = np.where(searching, state.left - 1, 0)
    return replace(state, left=left, modulus=modulus, change=change, pressure=pressure), change
