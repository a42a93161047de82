"""When the free energy of a structure need not be followed to its end.

A stage of SSCHA gives an upper bound of the free energy. What the later stages take off it is judged by what they have
taken off that of other structures: one that even the largest such decrease leaves above what still matters is hopeless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SIGNIFICANT = 3.0
"""Standard errors that a free energy may turn out lower by sampling alone."""


@dataclass(frozen=True)
class StageEnd:
    """What a stage came to: its number, from 1, whether it converged, Gibbs free energy and standard error, eV/atom."""

    stage: int
    converged: bool
    gibbs: float
    error: float


@dataclass(frozen=True)
class Decrease:
    """Largest decrease of the free energy (eV/atom, at least 0) seen after a stage, and in how many structures.

    Stages that converged and those that did not are told apart: an unconverged free energy has farther to fall.
    """

    stage: int
    converged: bool
    largest: float
    seen: int


def largest_decreases(runs: Sequence[tuple[Sequence[StageEnd], float]]) -> list[Decrease]:
    """Largest decrease after each kind of stage that occurs.

    :param runs: of structures whose final free energy has converged: their stages and that free energy, eV/atom
    """
    falls: dict[tuple[int, bool], list[float]] = {}
    for stages, final in runs:
        for end in stages:
            falls.setdefault((end.stage, end.converged), []).append(end.gibbs - final)
    return [Decrease(*kind, max(0.0, *values), len(values)) for kind, values in sorted(falls.items())]


def is_hopeless(end: StageEnd, threshold: float, decreases: Sequence[Decrease], seen: int = 1) -> bool:
    """Whether a structure cannot come below ``threshold`` any more: G - 3 sigma - largest decrease is above it.

    Where fewer than ``seen`` structures have shown what follows such a stage, there is hope.

    :param threshold: eV/atom
    """
    known = [each for each in decreases if (each.stage, each.converged) == (end.stage, end.converged)]
    if not known or known[0].seen < seen:
        return False
    return end.gibbs - SIGNIFICANT * end.error - known[0].largest > threshold
