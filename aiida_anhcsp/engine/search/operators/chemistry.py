"""Operators that lead from one composition of the search to another."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from ..composition import Composition, draw
from ..geometry import neighbours
from ..volumes import estimated_volume, volume_per_atom
from .base import RefusalError, Rules

LARGEST_SHARE = 0.34
TRIALS = 30


class Transmute:
    """Turn some atoms of one parent into another element of the search; no atom moves in fractions of the cell.

    The new composition is one of the search's with as many atoms, at most a third of them changed. The volume changes
    as its estimate does.
    """

    name = "transmute"
    n_parents = 1
    local = True

    def needs(self, compositions: Sequence[Composition]) -> str:
        """Two compositions of the same number of atoms."""
        sizes = Counter(each.n_atoms for each in compositions)
        return "" if max(sizes.values()) > 1 else "two compositions with the same number of atoms"

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """The parent with another composition.

        :raises RefusalError: no composition of the search is near, or atoms come too close.
        """
        (parent,) = parents
        old = rules.composition_of(parent)
        near = [
            new
            for new in rules.compositions
            if new.n_atoms == old.n_atoms and 0 < (_surplus(old, new)).total() <= max(1, LARGEST_SHARE * old.n_atoms)
        ]
        if not near:
            raise RefusalError("no composition of the search is an exchange away")
        new = draw(near, rng)
        child = _sized(parent, new, rules.pressure)
        wanted = rng.permutation(list(_surplus(new, old).elements()))
        places = _drawn(child, _surplus(old, new), rng)
        for place, element in zip(places, wanted, strict=True):
            child.numbers[place] = atomic_numbers[str(element)]
        return rules.admit(child)


class Add:
    """Put atoms into the largest holes of one parent, until another composition of the search holds.

    At most a third more atoms; a hole is the point furthest from all atoms among thirty drawn at random. The volume
    grows as its estimate does.
    """

    name = "add"
    n_parents = 1
    local = True

    def needs(self, compositions: Sequence[Composition]) -> str:
        """A composition that holds another one and more."""
        pairs = itertools.permutations(compositions, 2)
        return "" if any(_grows(old, new) for old, new in pairs) else "a composition that is another one and more"

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """The parent with more atoms.

        :raises RefusalError: no composition of the search is near, or atoms come too close.
        """
        (parent,) = parents
        old = rules.composition_of(parent)
        near = [new for new in rules.compositions if _grows(old, new)]
        if not near:
            raise RefusalError("no larger composition of the search is near")
        new = draw(near, rng)
        child = _sized(parent, new, rules.pressure)
        for element in rng.permutation(list(_surplus(new, old).elements())):
            child += Atoms([str(element)], positions=[_hole(child, rng)], cell=child.cell, pbc=True)
        return rules.admit(child)


class Remove:
    """Take atoms out of one parent until another composition of the search holds, at most a third of them.

    The volume shrinks as its estimate does.
    """

    name = "remove"
    n_parents = 1
    local = True

    def needs(self, compositions: Sequence[Composition]) -> str:
        """A composition that holds another one and more."""
        pairs = itertools.permutations(compositions, 2)
        return "" if any(_grows(new, old) for old, new in pairs) else "a composition that is another one and more"

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """The parent with fewer atoms.

        :raises RefusalError: no composition of the search is near, or atoms come too close.
        """
        (parent,) = parents
        old = rules.composition_of(parent)
        near = [new for new in rules.compositions if _grows(new, old)]
        if not near:
            raise RefusalError("no smaller composition of the search is near")
        new = draw(near, rng)
        child = _sized(parent, new, rules.pressure)
        del child[_drawn(child, _surplus(old, new), rng)]
        return rules.admit(child)


def _sized(parent: Atoms, new: Composition, pressure: float) -> Atoms:
    """The atoms of the parent in a cell whose volume has changed as the estimate does with the composition."""
    child = Atoms(numbers=parent.numbers, positions=parent.positions, cell=parent.cell, pbc=True)
    growth = new.n_atoms * volume_per_atom(new, pressure) / estimated_volume(parent, pressure)
    child.set_cell(np.asarray(child.cell) * np.cbrt(growth), scale_atoms=True)
    return child


def _surplus(of: Composition, over: Composition) -> Counter[str]:
    """Atoms that ``of`` has and ``over`` has not."""
    return Counter(of.symbols) - Counter(over.symbols)


def _grows(old: Composition, new: Composition) -> bool:
    """Whether ``new`` is ``old`` and a few atoms more."""
    added = new.n_atoms - old.n_atoms
    return 0 < added <= max(1, LARGEST_SHARE * new.n_atoms) and not _surplus(old, new)


def _drawn(frame: Atoms, elements: Counter[str], rng: np.random.Generator) -> list[int]:
    """Atoms of these elements, drawn at random."""
    symbols = np.array(frame.get_chemical_symbols())
    chosen: Iterable[np.ndarray] = (
        rng.choice(np.flatnonzero(symbols == element), size=count, replace=False) for element, count in elements.items()
    )
    return [int(index) for indices in chosen for index in indices]


def _hole(frame: Atoms, rng: np.random.Generator) -> np.ndarray:
    """The point furthest from all atoms among some drawn at random, angstrom."""
    spacing = float(np.cbrt(frame.get_volume() / len(frame)))
    best, room = frame.cell.cartesian_positions(rng.random(3)), -1.0
    for _ in range(TRIALS):
        point = frame.cell.cartesian_positions(rng.random(3))
        trial = frame + Atoms("X", positions=[point], cell=frame.cell, pbc=True)
        near = neighbours(trial, 2.0 * spacing)
        distances = near.distance[near.first == len(frame)]
        distance = float(distances.min()) if len(distances) else 2.0 * spacing
        if distance > room:
            best, room = point, distance
    return best
