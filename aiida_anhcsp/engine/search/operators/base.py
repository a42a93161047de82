"""What every operator offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import Atoms

from ..composition import Composition
from ..distances import DistanceTable
from ..geometry import reduced


class RefusalError(Exception):
    """An operator's reason for making no child of these parents."""


@dataclass(frozen=True)
class Rules:
    """What a child must obey: its composition is one of ``compositions``, no pair is closer than ``distances``."""

    compositions: tuple[Composition, ...]
    distances: DistanceTable

    def admit(self, child: Atoms) -> Atoms:
        """The child in a reduced cell and without info; atoms that are too close are pushed apart first.

        :raises RefusalError: it breaks a rule even so.
        """
        if not any(composition.holds(child) for composition in self.compositions):
            raise RefusalError(f"{child.get_chemical_formula()} is not among the compositions of the search")
        admitted = reduced(self.distances.relieved(child))
        if violation := self.distances.violation(admitted):
            raise RefusalError(violation)
        return admitted


class Operator(Protocol):
    """Makes one child of ``n_parents`` relaxed parents."""

    name: str
    n_parents: int

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """A child in a reduced cell, without info.

        :raises RefusalError: these parents, with this randomness, give no child that obeys the rules.
        """
