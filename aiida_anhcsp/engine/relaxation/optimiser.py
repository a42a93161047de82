"""What the relaxation asks of an optimiser, and the two there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .fire import fire_start, fire_step
from .flight import Flight, geometry
from .lbfgs import LbfgsState, lbfgs_learn, lbfgs_prepare, lbfgs_start, lbfgs_step
from .ragged import Batch, Floats, Integers


@dataclass(frozen=True)
class Optimiser:
    """``start(counts)`` gives a state, ``learn(state, owner, move, change of gradient)`` and ``step(state, flight,
    force)`` a new one. One that ``descends`` has its moves to a much higher enthalpy taken back.
    """

    start: Callable[[Integers], Any]
    learn: Callable[[Any, Integers, Floats, Floats], Any]
    step: Callable[[Any, Flight, Floats], tuple[Any, Floats]]
    descends: bool


def _fire_learn(state: Batch, owner: Integers, move: Floats, change: Floats) -> Batch:
    return state


def _lbfgs_step(state: LbfgsState, flight: Flight, force: Floats) -> tuple[LbfgsState, Floats]:
    positions, cells = geometry(flight, flight.sane)
    state = lbfgs_prepare(state, flight.owner, flight.atoms, positions, cells, flight.stiffness)
    return state, lbfgs_step(state, flight.owner, force)


OPTIMISERS = {
    "fire": Optimiser(
        fire_start, _fire_learn, lambda state, flight, force: fire_step(state, flight.owner, force), descends=False
    ),
    "lbfgs": Optimiser(lbfgs_start, lbfgs_learn, _lbfgs_step, descends=True),
}
