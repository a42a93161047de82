"""What every operator offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from ase import Atoms

from ..composition import Composition, ratio_of
from ..distances import DistanceTable
from ..duplicates import same_shape
from ..geometry import reduced
from ..modes import Modes, spring_modes
from ..settings import DuplicateRule

SAME = DuplicateRule()


class RefusalError(Exception):
    """An operator's reason for making no child of these parents."""


@dataclass(frozen=True)
class Rules:
    """What a child must obey: its composition is one of ``compositions``, no pair is closer than ``distances``.

    ``symmetry`` (angstrom) is the tolerance within which parents of a cut are made symmetric first; 0 leaves them be.
    ``modes`` gives the soft modes of a parent, as :func:`~..modes.spring_modes` does. ``pressure`` (GPa) is that of the
    search.
    """

    compositions: tuple[Composition, ...]
    distances: DistanceTable
    symmetry: float = 0.0
    modes: Modes = spring_modes
    pressure: float = 0.0

    @cached_property
    def variable(self) -> bool:
        """Whether the compositions have more than one ratio of elements."""
        ratios = (ratio_of(Atoms(composition.symbols)) for composition in self.compositions)
        first = next(ratios)
        return any(ratio != first for ratio in ratios)

    def composition_of(self, parent: Atoms) -> Composition:
        """The composition that ``parent`` has.

        :raises RefusalError: it is none of the search's.
        """
        for composition in self.compositions:
            if composition.holds(parent):
                return composition
        raise RefusalError(f"{parent.get_chemical_formula()} is not among the compositions of the search")

    def admit(self, child: Atoms) -> Atoms:
        """The child in a reduced cell, atoms sorted by element and without info; close atoms are pushed apart first.

        :raises RefusalError: it breaks a rule even so.
        """
        self.composition_of(child)
        ordered = child[np.argsort(child.numbers, kind="stable")]
        admitted = reduced(self.distances.relieved(ordered))
        if violation := self.distances.violation(admitted):
            raise RefusalError(violation)
        return admitted


def require_change(child: Atoms, parents: Sequence[Atoms]) -> None:
    """Refuse a child that would only be relaxed to what is known.

    The tolerances are those of :data:`SAME`, not of the settings: on these depends what is ranked, not what is made.

    :raises RefusalError: it has the shape of one of its parents.
    """
    if any(same_shape(child, parent, SAME) for parent in parents):
        raise RefusalError("the child is its parent again")


class Operator(Protocol):
    """Makes one child of ``n_parents`` relaxed parents.

    A ``local`` one acts on some atoms of one parent more than on others, so that a larger cell has more children.
    """

    name: str
    n_parents: int
    local: bool

    def needs(self, compositions: Sequence[Composition]) -> str:
        """What the operator needs and these compositions do not offer; empty where it can work."""

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """A child in a reduced cell, without info.

        :raises RefusalError: these parents, with this randomness, give no child that obeys the rules.
        """


class AnyComposition:
    """An operator that works with every composition."""

    def needs(self, compositions: Sequence[Composition]) -> str:
        """Nothing."""
        return ""
