"""FIRE: Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), with the parameters of ASE.

Every structure has its own velocity, time step and mixing; a step is a pure function of the state and the forces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .ragged import Batch, Floats, Integers, dot

FIRST_TIME_STEP, LARGEST_TIME_STEP = 0.1, 1.0
MIXING, MIXING_DECAY = 0.1, 0.99
FASTER, SLOWER, PATIENCE = 1.1, 0.5, 5


@dataclass(frozen=True)
class FireState(Batch):
    """``velocity`` (n_rows, 3) in angstrom per time; ``downhill``: moves since the last uphill one."""

    ROWS: ClassVar[frozenset[str]] = frozenset({"velocity"})

    velocity: Floats
    time_step: Floats
    mixing: Floats
    downhill: Integers


def fire_start(counts: Integers) -> FireState:
    """Structures at rest."""
    number = len(counts)
    return FireState(
        velocity=np.zeros((int(np.sum(counts + 3)), 3)),
        time_step=np.full(number, FIRST_TIME_STEP),
        mixing=np.full(number, MIXING),
        downhill=np.zeros(number, dtype=np.int64),
    )


def fire_step(state: FireState, owner: Integers, force: Floats) -> tuple[FireState, Floats]:
    """One step of all structures.

    :param owner: structure of each row, shape (n_rows,)
    :param force: generalised forces, shape (n_rows, 3)
    :return: the new state and the move, shape (n_rows, 3), not yet capped
    """
    number = len(state.time_step)
    power = dot(owner, force, state.velocity, number)
    at_rest = dot(owner, state.velocity, state.velocity, number) == 0.0
    good = power > 0.0
    speed = np.sqrt(dot(owner, state.velocity, state.velocity, number))
    strength = np.sqrt(np.maximum(dot(owner, force, force, number), 1e-300))

    towards_force = np.where(good, state.mixing * speed / strength, 0.0)
    keep = np.where(good, 1.0 - state.mixing, 0.0)
    velocity = keep[owner, None] * state.velocity + towards_force[owner, None] * force

    patient = good & (state.downhill > PATIENCE)
    uphill = ~good & ~at_rest
    time_step = np.where(patient, np.minimum(state.time_step * FASTER, LARGEST_TIME_STEP), state.time_step)
    time_step = np.where(uphill, state.time_step * SLOWER, time_step)
    mixing = np.where(patient, state.mixing * MIXING_DECAY, np.where(uphill, MIXING, state.mixing))
    downhill = np.where(good, state.downhill + 1, 0)

    velocity = velocity + time_step[owner, None] * force
    return FireState(velocity, time_step, mixing, downhill), time_step[owner, None] * velocity
