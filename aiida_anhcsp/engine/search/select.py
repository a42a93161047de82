"""Samplers: which relaxed structures to label, and which to make parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from .composition import ratio_of
from .fingerprint import distance, fingerprint
from .rank import is_relaxed
from .settings import Antiseeds

TOURNAMENT = 3


def select_random(population: Sequence[Atoms], number: int, seed: int | Sequence[int]) -> list[Atoms]:
    """``number`` relaxed structures at random, in their order, duplicates kept; all where there are fewer.

    Duplicates are kept on purpose: what the search visits often should weigh more in the training set.
    """
    relaxed = [frame for frame in population if is_relaxed(frame)]
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(relaxed), size=min(number, len(relaxed)), replace=False)
    return [relaxed[index] for index in sorted(chosen)]


@dataclass(frozen=True)
class Parents:
    """Candidates, best first, with their fingerprints of shape (n, n_components)."""

    frames: list[Atoms]
    prints: NDArray[np.float64]

    def choose(self, number: int, mating: float, rng: np.random.Generator) -> list[Atoms]:
        """``number`` different parents, each the best of three drawn at random.

        After the first, they are drawn from the share ``mating`` of the others that is nearest to it by fingerprint:
        slabs of unlike crystals seldom fit.
        """
        winners: list[int] = []
        for _ in range(number):
            available = [index for index in range(len(self.frames)) if index not in winners]
            if winners:
                apart = distance(self.prints[winners[0]], self.prints)
                available.sort(key=lambda index: apart[index])
                available = available[: max(1, round(mating * len(available)))]
            winners.append(int(min(rng.choice(available, size=TOURNAMENT))))
        return [self.frames[index] for index in winners]

    def chances(self) -> NDArray[np.float64]:
        """Chance of each to win a tournament among all, shape (n,); they add up to 1."""
        beaten = np.arange(len(self.frames), -1, -1) / max(1, len(self.frames))
        return -np.diff(beaten**TOURNAMENT)


def candidates(ranked: Sequence[Atoms], radius: float, number: int, antiseeds: Antiseeds | None = None) -> Parents:
    """Those that may become parents: the best of each niche, at most ``number``.

    No two of one formula are within ``radius`` of each other by fingerprint: near-copies of a good structure, too
    different to be duplicates, would otherwise win every tournament. The best structure of the whole search is
    always among them, however old, unless antiseeds say otherwise.

    :param ranked: distinct structures, lowest first
    :param radius: cosine distance; 0 keeps all
    """
    elements = sorted({symbol for frame in ranked for symbol in frame.symbols})
    known: dict[str, NDArray[np.float64]] = {}
    if antiseeds is not None:
        known = {frame.info["id"]: fingerprint(frame, elements) for frame in ranked}
        ranked = sorted(ranked, key=lambda frame: frame.info["fitness"] + _penalty(frame, ranked, known, antiseeds))
    leaders: list[Atoms] = []
    ratios: list[str] = []
    prints = np.empty((0, 0))
    for frame in ranked:
        if len(leaders) == number:
            break
        own = known[frame.info["id"]] if known else fingerprint(frame, elements)
        if not leaders:
            prints = np.empty((min(number, len(ranked)), len(own)))
        ratio = ratio_of(frame)
        alike = [place for place, other in enumerate(ratios) if other == ratio]
        if not np.any(distance(own, prints[: len(leaders)])[alike] < radius):
            prints[len(leaders)] = own
            leaders.append(frame)
            ratios.append(ratio)
    return Parents(leaders, prints[: len(leaders)])


def _penalty(
    frame: Atoms, ranked: Sequence[Atoms], prints: dict[str, NDArray[np.float64]], antiseeds: Antiseeds
) -> float:
    """Sum of weight exp(-d^2 / 2 width^2) over the best structures of all generations, eV/atom (USPEX)."""
    best: dict[int, str] = {}
    for other in ranked:
        best.setdefault(int(other.info["generation"]), other.info["id"])
    apart = distance(prints[frame.info["id"]], np.array([prints[name] for name in best.values()]))
    return float(antiseeds.weight * np.exp(-(apart**2) / (2.0 * antiseeds.width**2)).sum())
