"""Samplers: which structures are worth a label. Each is a small class; what it needs to know is in the frames' info."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ase import Atoms

from ..search.near_hull import by_composition
from ..search.rank import is_relaxed, lowest
from ..search.select import select_random
from ..search.unphysical import is_unphysical


@dataclass(frozen=True)
class Sampler(ABC):
    """Chooses at most ``number`` frames; equal seeds choose equally."""

    number: int
    seed: int
    threshold: float = 0.0
    """Of :attr:`measure`: frames up to it are known well enough."""

    measure: ClassVar[str | None] = None
    """Key of the info by which frames are chosen, where ``anhcsp-engine grade`` has to write it first."""

    @abstractmethod
    def choose(self, frames: Sequence[Atoms]) -> list[Atoms]:
        """The frames to label, none twice; none at all where nothing is worth it."""


class RandomSampler(Sampler):
    """Relaxed structures at random, duplicates kept: what a search visits often weighs more (the H3S study)."""

    def choose(self, frames: Sequence[Atoms]) -> list[Atoms]:
        return select_random(frames, self.number, self.seed)


class LowestSampler(Sampler):
    """The lowest distinct structures of a ranked population, by its fitness: enthalpy or hull distance."""

    def choose(self, frames: Sequence[Atoms]) -> list[Atoms]:
        return lowest(frames, self.number)


@dataclass(frozen=True)
class HullSampler(Sampler):
    """The compositions closest to the hull and what failed, of a ranked search over compositions (Li et al.).

    Of the ``number / per_composition`` compositions whose best structures lie lowest above the hull, the
    ``per_composition`` lowest distinct structures each, lowest first; all on the hull are worth as much, so that chance
    decides among them. Unphysical structures, at random, fill what is left of ``number``.
    """

    per_composition: int = 3

    def choose(self, frames: Sequence[Atoms]) -> list[Atoms]:
        groups = list(by_composition(lowest(frames)).values())
        order = np.random.default_rng(self.seed).permutation(len(groups))
        nearest = sorted((groups[place] for place in order), key=lambda group: group[0].info["fitness"])
        compositions = math.ceil(self.number / self.per_composition)
        chosen = [frame for group in nearest[:compositions] for frame in group[: self.per_composition]]
        chosen = sorted(chosen, key=lambda frame: frame.info["fitness"])[: self.number]
        failed = [frame for frame in frames if is_unphysical(frame)]
        return chosen + _at_random(failed, self.number - len(chosen), self.seed)


class UnphysicalSampler(Sampler):
    """Collapsed structures and ghost minima at random: where a potential is wrong although it is sure."""

    def choose(self, frames: Sequence[Atoms]) -> list[Atoms]:
        return _at_random([frame for frame in frames if is_unphysical(frame)], self.number, self.seed)


class SschaSampler(Sampler):
    """Configurations of an SSCHA ensemble at random, as they are."""

    def choose(self, frames: Sequence[Atoms]) -> list[Atoms]:
        return _at_random(frames, self.number, self.seed)


class GradeSampler(Sampler):
    """Structures whose MaxVol grade is above the threshold, the largest first (Podryabinkin and Shapeev 2017)."""

    measure = "grade"

    def choose(self, frames: Sequence[Atoms]) -> list[Atoms]:
        return _largest(frames, "grade", self.threshold, self.number)


class CommitteeSampler(Sampler):
    """Structures on which a committee of potentials disagrees by more than the threshold (eV/angstrom)."""

    measure = "spread"

    def choose(self, frames: Sequence[Atoms]) -> list[Atoms]:
        return _largest(frames, "spread", self.threshold, self.number)


SAMPLERS: dict[str, type[Sampler]] = {
    "random": RandomSampler,
    "grade": GradeSampler,
    "committee": CommitteeSampler,
    "lowest": LowestSampler,
    "hull": HullSampler,
    "unphysical": UnphysicalSampler,
    "sscha": SschaSampler,
}


def _at_random(frames: Sequence[Atoms], number: int, seed: int) -> list[Atoms]:
    chosen = np.random.default_rng(seed).choice(len(frames), size=min(number, len(frames)), replace=False)
    return [frames[index] for index in sorted(chosen)]


def _largest(frames: Sequence[Atoms], key: str, threshold: float, number: int) -> list[Atoms]:
    """Usable frames whose ``key`` is above the threshold, largest first."""
    above = [
        frame
        for frame in frames
        if frame.info.get(key, threshold) > threshold and (is_relaxed(frame) or frame.info.get("status") == "ok")
    ]
    return sorted(above, key=lambda frame: -frame.info[key])[:number]
