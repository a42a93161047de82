"""Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4) over a model Hessian of springs.

Every structure has its own history; a step is a pure function of the state and the forces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .ragged import Batch, Floats, Integers, Mask, dot, norms, total
from .springs import spring_hessian

MEMORY = 20
CURVATURE = 1e-4
"""Smallest cosine between a move and the change of the gradient that is remembered."""


@dataclass(frozen=True)
class LbfgsState(Batch):
    """``moves`` (angstrom) and ``changes`` of the gradient (eV/angstrom), newest first, (n_rows, MEMORY, 3).

    ``held``: pairs remembered; ``inverse``: inverse model Hessian of each structure, None until it is needed.
    """

    ROWS: ClassVar[frozenset[str]] = frozenset({"moves", "changes"})

    moves: Floats
    changes: Floats
    held: Integers
    inverse: NDArray[Any]


def lbfgs_start(counts: Integers) -> LbfgsState:
    """Structures without history."""
    rows = int(np.sum(counts + 3))
    return LbfgsState(
        moves=np.zeros((rows, MEMORY, 3)),
        changes=np.zeros((rows, MEMORY, 3)),
        held=np.zeros(len(counts), dtype=np.int64),
        inverse=np.full(len(counts), None, dtype=object),
    )


def lbfgs_learn(state: LbfgsState, owner: Integers, move: Floats, change: Floats) -> LbfgsState:
    """Remember how the gradient changed with a move, where the curvature is positive; (n_rows, 3) both."""
    number = len(state.held)
    curvature = dot(owner, move, change, number)
    scale = np.sqrt(total(owner, norms(move) ** 2, number) * total(owner, norms(change) ** 2, number))
    convex = (curvature > CURVATURE * scale) & (scale > 0)
    newer = replace(
        state,
        moves=np.concatenate([move[:, None], state.moves[:, :-1]], axis=1),
        changes=np.concatenate([change[:, None], state.changes[:, :-1]], axis=1),
        held=np.minimum(state.held + 1, MEMORY),
    )
    return state.overlay(newer, convex, owner)


def lbfgs_prepare(
    state: LbfgsState, owner: Integers, atoms: Mask, positions: Floats, cells: Floats, stiffness: Floats
) -> LbfgsState:
    """Give every structure that has none its inverse model Hessian, from its present geometry.

    :param atoms: rows that are atoms, (n_rows,)
    :param positions: (n_rows, 3), angstrom; cell rows are not read
    :param cells: (n_structures, 3, 3), angstrom
    :param stiffness: cell coordinates per strain, (n_structures,), angstrom
    """
    inverse = state.inverse.copy()
    for place in (place for place, known in enumerate(inverse) if known is None):
        own = positions[(owner == place) & atoms]
        inverse[place] = np.linalg.inv(spring_hessian(own, cells[place], float(stiffness[place])))
    return replace(state, inverse=inverse)


def lbfgs_step(state: LbfgsState, owner: Integers, force: Floats) -> Floats:
    """The move of each structure, shape (n_rows, 3), not yet capped.

    :param owner: structure of each row, shape (n_rows,)
    :param force: generalised forces, shape (n_rows, 3)
    """
    number = len(state.held)
    depth = int(state.held.max(initial=0))
    curvature = [dot(owner, state.moves[:, age], state.changes[:, age], number) for age in range(depth)]
    known = [state.held > age for age in range(depth)]

    direction, weights = force, []
    for age in range(depth):
        weight = _ratio(dot(owner, state.moves[:, age], direction, number), curvature[age], known[age])
        direction = direction - weight[owner, None] * state.changes[:, age]
        weights.append(weight)
    direction = _solve(state.inverse, owner, direction)
    if depth:
        newest = state.changes[:, 0]
        softness = dot(owner, newest, _solve(state.inverse, owner, newest), number)
        scale = np.where(known[0], _ratio(curvature[0], softness, known[0]), 1.0)
        direction = direction * scale[owner, None]
    for age in reversed(range(depth)):
        excess = _ratio(dot(owner, state.changes[:, age], direction, number), curvature[age], known[age])
        direction = direction + (weights[age] - excess)[owner, None] * state.moves[:, age]
    return direction


def _ratio(numerator: Floats, denominator: Floats, where: Mask) -> Floats:
    return np.where(where, numerator, 0.0) / np.where(where, denominator, 1.0)


def _solve(inverse: NDArray[Any], owner: Integers, rows: Floats) -> Floats:
    """Inverse model Hessian times rows, structure by structure; the cell's move stays symmetric."""
    result = np.empty_like(rows)
    ends = np.cumsum(np.bincount(owner, minlength=len(inverse)))
    begin = 0
    for matrix, end in zip(inverse, ends, strict=True):
        own = (matrix @ rows[begin:end].ravel()).reshape(-1, 3)
        own[-3:] = (own[-3:] + own[-3:].T) / 2
        result[begin:end] = own
        begin = end
    return result
