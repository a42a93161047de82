"""Which composition a random structure of a search over compositions has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from ase import Atoms

from .composition import Composition, content_of, draw, ratio_of
from .select import Parents

NEAR = 0.5
"""Share of random structures that have the ratio of elements of a parent, once there are parents."""
ALONE = 0.25
"""Share of the others that are elements alone, to which the hull refers."""


class Newcomers:
    """Chooses compositions: near the hull, by the parents, or where the search has made least so far.

    Elements alone, which can be most of the small cells, are a quarter of the latter.

    :param choices: the compositions of the search
    :param made: structures of the search so far, whatever became of them
    """

    def __init__(self, choices: Sequence[Composition], made: Iterable[Atoms] = ()) -> None:
        self._alone: dict[tuple[str, ...], Composition] = {}
        self._compounds: dict[tuple[str, ...], Composition] = {}
        self._alike: dict[str, list[Composition]] = {}
        for choice in choices:
            group = self._compounds if len(choice.elements) > 1 else self._alone
            group[choice.content] = choice
            self._alike.setdefault(ratio_of(Atoms(choice.symbols)), []).append(choice)
        self._made = Counter(content_of(frame) for frame in made)

    def count(self, frame: Atoms) -> None:
        """Take note of a structure that was made."""
        self._made[content_of(frame)] += 1

    def choose(self, parents: Parents | None, rng: np.random.Generator) -> Sequence[Composition]:
        """The cells one of which the next random structure has: all that a parent's elements fill, or one."""
        if parents is not None and parents.frames and rng.random() < NEAR:
            return self._alike[ratio_of(parents.choose(1, 1.0, rng)[0])]
        group = self._alone if rng.random() < ALONE or not self._compounds else self._compounds
        fewest = min(self._made[content] for content in group)
        return [draw([choice for content, choice in group.items() if self._made[content] == fewest], rng)]
