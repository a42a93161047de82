"""Chemical formulas as a user writes them, and the numbers of formula units a cell may hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.formula import Formula

from ..errors import InputError


@dataclass(frozen=True)
class Composition:
    """Atoms in a cell: ``elements`` in the order of the formula, ``counts`` of each, ``units`` formula units."""

    elements: tuple[str, ...]
    counts: tuple[int, ...]
    units: int

    @property
    def n_atoms(self) -> int:
        """Atoms in the cell."""
        return sum(self.counts)

    @property
    def symbols(self) -> list[str]:
        """One chemical symbol per atom, grouped by element."""
        return [element for element, count in zip(self.elements, self.counts, strict=True) for _ in range(count)]

    def holds(self, frame: Atoms) -> bool:
        """Whether ``frame`` consists of exactly these atoms."""
        return sorted(frame.get_chemical_symbols()) == sorted(self.symbols)


def parse_formula(formula: str, argument: str = "formula") -> dict[str, int]:
    """Atoms per formula unit, taken as written: ``Si16`` is sixteen atoms.

    :raises InputError: the text is no formula, an element does not exist, or a count is not positive.
    """
    try:
        counts = Formula(formula).count()
    except ValueError as error:
        raise InputError(argument, f"{formula!r} is no chemical formula", "write it like H3S or Ti4O8") from error
    if not counts:
        raise InputError(argument, "the formula is empty", "write it like H3S or Ti4O8")
    for element, count in counts.items():
        if atomic_numbers.get(element, 0) == 0:
            raise InputError(argument, f"no element {element!r} in {formula!r}", "use chemical symbols as in H3S")
        if count < 1:
            raise InputError(argument, f"{formula!r} has no atom of {element}", "leave that element out")
    return dict(counts)


def parse_formula_units(units: str | int, argument: str = "formula_units") -> tuple[int, ...]:
    """Allowed numbers of formula units: ``2`` gives (2,), ``1-4`` gives (1, 2, 3, 4).

    :raises InputError: not a positive integer or an increasing range of them.
    """
    fix = "give a positive number such as 1, or a range such as 1-4"
    first, dash, last = str(units).partition("-")
    if not first.strip().isdigit() or (dash and not last.strip().isdigit()):
        raise InputError(argument, f"{units!r} is no number of formula units", fix)
    low = int(first)
    high = int(last) if dash else low
    if low < 1 or high < low:
        raise InputError(argument, f"{units!r} is no range of positive numbers", fix)
    return tuple(range(low, high + 1))


def compositions(formula: str, units: str | int) -> tuple[Composition, ...]:
    """The compositions of a cell, one for each allowed number of formula units."""
    counts = parse_formula(formula)
    return tuple(
        Composition(tuple(counts), tuple(count * number for count in counts.values()), number)
        for number in parse_formula_units(units)
    )


def draw(choices: Sequence[Composition], rng: np.random.Generator) -> Composition:
    """One of the compositions, all equally likely."""
    return choices[int(rng.integers(len(choices)))]
