"""Samplers: which relaxed structures to label, and which to make parents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from .fingerprint import distance, fingerprint
from .rank import is_relaxed

TOURNAMENT = 3


def select_random(population: Sequence[Atoms], number: int, seed: int | Sequence[int]) -> list[Atoms]:
    """``number`` relaxed structures at random, in their order, duplicates kept; all where there are fewer.

    Duplicates are kept on purpose: what the search visits often should weigh more in the training set.
    """
    relaxed = [frame for frame in population if is_relaxed(frame)]
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(relaxed), size=min(number, len(relaxed)), replace=False)
    return [relaxed[index] for index in sorted(chosen)]


def niches(ranked: Sequence[Atoms], radius: float, number: int) -> list[Atoms]:
    """The lowest of each niche, at most ``number``: none is within ``radius`` of a lower one by fingerprint.

    Near-copies of a good structure, too different to be duplicates, would otherwise win every tournament.

    :param ranked: distinct structures, lowest first
    :param radius: cosine distance; 0 keeps all
    """
    elements = sorted({symbol for frame in ranked for symbol in frame.symbols})
    leaders: list[Atoms] = []
    prints = np.empty((0, 0))
    for frame in ranked:
        if len(leaders) == number:
            break
        own = fingerprint(frame, elements)
        if not leaders:
            prints = np.empty((min(number, len(ranked)), len(own)))
        if not np.any(distance(own, prints[: len(leaders)]) < radius):
            prints[len(leaders)] = own
            leaders.append(frame)
    return leaders


def tournament(ranked: Sequence[Atoms], number: int, rng: np.random.Generator) -> list[Atoms]:
    """``number`` different parents, each the best of three drawn at random.

    :param ranked: distinct structures, lowest first, at least ``number``
    """
    available = list(range(len(ranked)))
    winners = []
    for _ in range(number):
        winner = min(rng.choice(available, size=TOURNAMENT))
        available.remove(winner)
        winners.append(ranked[winner])
    return winners
