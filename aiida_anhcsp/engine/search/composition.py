"""Chemical formulas as a user writes them, and the numbers of formula units a cell may hold."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.formula import Formula

from ..errors import InputError

MOST_COMPOSITIONS = 10_000
MOST_TRIED = 100_000
"""Combinations with the right number of atoms, before charges and ratios: trying them takes 0.2 s at each reading."""
LARGEST_ELEMENT_CELL = 4


@dataclass(frozen=True)
class Limits:
    """What compositions a search may visit: atoms of each element, atoms in all, charges that must cancel.

    With ``ends``, all are multiples of these formulas added, and the ranges of ``elements`` do not count. ``ratios``
    holds ranges of quotients, as ``{"H/Mg": "2-12"}``: what has hydrogen has magnesium then.
    """

    elements: Mapping[str, str | int]
    atoms: str | int
    charges: Mapping[str, float] | None = None
    ends: tuple[str, ...] | None = None
    ratios: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ratio:
    """Atoms of the element at place ``first`` for each of that at ``second``: from ``least`` to ``most``."""

    first: int
    second: int
    least: Fraction
    most: Fraction

    def holds(self, counts: Sequence[int]) -> bool:
        """Whether atoms of each element obey it; where there are none of either they do."""
        first, second = counts[self.first], counts[self.second]
        return self.least * second <= first <= self.most * second


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

    @property
    def content(self) -> tuple[str, ...]:
        """The symbols in alphabetical order: the same for the same atoms, as :func:`content_of` a frame."""
        return tuple(sorted(self.symbols))

    def divisors(self) -> list[int]:
        """Numbers of like cells, from two, that have these atoms together, each at least two of them."""
        most = min(math.gcd(*self.counts), self.n_atoms // 2)
        return [number for number in range(2, most + 1) if all(count % number == 0 for count in self.counts)]

    def divided(self, number: int) -> Composition:
        """The composition of each of so many like cells; ``units`` stay those of the whole."""
        return Composition(self.elements, tuple(count // number for count in self.counts), self.units)

    def holds(self, frame: Atoms) -> bool:
        """Whether ``frame`` consists of exactly these atoms."""
        return content_of(frame) == self.content


def content_of(frame: Atoms) -> tuple[str, ...]:
    """The chemical symbols of a frame in alphabetical order."""
    return tuple(sorted(frame.get_chemical_symbols()))


def ratio_of(frame: Atoms) -> str:
    """The formula with the smallest numbers, elements in Hill's order: the same for any number of units."""
    return str(frame.symbols.formula.reduce()[0].format("hill"))


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


def parse_range(text: str | int, argument: str) -> range:
    """Numbers of atoms: ``3`` gives 3 alone, ``0-2`` gives 0, 1 and 2.

    :raises InputError: no number that is not negative, or no increasing range of them.
    """
    first, dash, last = str(text).partition("-")
    if not first.strip().isdigit() or (dash and not last.strip().isdigit()):
        raise InputError(
            argument, f"{text!r} is no range of numbers", "give a number such as 4, or a range such as 0-8"
        )
    low = int(first)
    high = int(last) if dash else low
    if high < low:
        raise InputError(argument, f"{text!r} is no range of numbers", "give the smaller number first, as in 0-8")
    return range(low, high + 1)


def parse_ratio(name: str, text: str | float, elements: Sequence[str]) -> Ratio:
    """A limit on a quotient of two elements: ``H/Mg`` and ``2-12``, or a number.

    :raises InputError: not two of the elements, or no increasing range of numbers that are not negative.
    """
    argument = f"composition.ratios.{name}"
    first, _, second = name.partition("/")
    if first == second or not {first, second} <= set(elements):
        raise InputError(argument, "not two elements of the search", "write the quotient as H/Mg")
    low, dash, high = str(text).partition("-")
    try:
        least = Fraction(low.strip())
        most = Fraction(high.strip()) if dash else least
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(
            argument, f"{text!r} is no range", "give a number such as 3, or a range such as 2-12"
        ) from error
    if most < least:
        raise InputError(argument, f"{text!r} is no range", "give the smaller number first, as in 2-12")
    return Ratio(elements.index(first), elements.index(second), least, most)


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


def compositions_within(limits: Limits) -> tuple[Composition, ...]:
    """Every composition that the limits allow, small cells first, and cells of one to four atoms of each element.

    The elements alone are the references of a hull, so that they belong to every search over compositions.

    :raises InputError: the limits allow no composition, cells without atoms, an element without a compound, or more
        than a search could visit.
    """
    elements = tuple(limits.elements)
    allowed = parse_range(limits.atoms, "composition.atoms")
    if 0 in allowed:
        raise InputError("composition.atoms", f"{limits.atoms!r} allows a cell without atoms", "begin with 1, as 1-8")
    ratios = [parse_ratio(name, text, elements) for name, text in limits.ratios.items()]
    candidates = list(itertools.islice(_candidates(limits, elements, allowed), MOST_TRIED + 1))
    chosen = {
        counts
        for counts in candidates
        if (limits.charges is None or _neutral(elements, counts, limits.charges))
        and all(ratio.holds(counts) for ratio in ratios)
    }
    for what, size, most in (
        ("combinations of as many atoms", len(candidates), MOST_TRIED),
        ("compositions", len(chosen), MOST_COMPOSITIONS),
    ):
        if size > most:
            raise InputError("composition", f"allows more than {most} {what}", "narrow elements, or atoms")
    if not chosen:
        fix = "widen elements, atoms, charges or ratios"
        raise InputError("composition", "no composition is within these limits", fix)
    _require_compounds(elements, chosen)
    for place in range(len(elements)):
        for number in range(1, min(LARGEST_ELEMENT_CELL, allowed[-1]) + 1):
            chosen.add(tuple(number if other == place else 0 for other in range(len(elements))))
    return tuple(_present(elements, counts) for counts in sorted(chosen, key=lambda counts: (sum(counts), counts)))


def _candidates(limits: Limits, elements: Sequence[str], allowed: range) -> Iterator[tuple[int, ...]]:
    """Atoms of each element in the cells of ``allowed`` atoms, whatever their charges and ratios.

    With ``ends`` a cell comes once for each of its sums of them.
    """
    if limits.ends is None:
        ranges = [parse_range(limits.elements[element], f"composition.elements.{element}") for element in elements]
        yield from _numbers(ranges, [1] * len(ranges), allowed[0], allowed[-1])
        return
    ends = [parse_formula(end, "composition.ends") for end in limits.ends]
    sizes = [sum(end.values()) for end in ends]
    for numbers in _numbers([range(allowed[-1] // size + 1) for size in sizes], sizes, allowed[0], allowed[-1]):
        yield tuple(
            sum(number * end.get(element, 0) for number, end in zip(numbers, ends, strict=True)) for element in elements
        )


def _numbers(ranges: Sequence[range], sizes: Sequence[int], least: int, most: int) -> Iterator[tuple[int, ...]]:
    """One number of each range, so that the sum of numbers times sizes is from ``least`` to ``most``.

    What the others cannot complete is left out at once, so that little is tried in vain.
    """
    if not ranges:
        yield ()
        return
    fewest, greatest = (
        sum(numbers[end] * size for numbers, size in zip(ranges[1:], sizes[1:], strict=True)) for end in (0, -1)
    )
    for number in ranges[0]:
        atoms = number * sizes[0]
        if atoms + fewest > most:
            return
        if atoms + greatest >= least:
            for others in _numbers(ranges[1:], sizes[1:], least - atoms, most - atoms):
                yield (number, *others)


def _require_compounds(elements: Sequence[str], chosen: Iterable[Sequence[int]]) -> None:
    """Refuse the element that the fewest cells have, where one is in no compound.

    :raises InputError: such an element.
    """
    cells, compounds = Counter[str](), Counter[str]()
    for counts in chosen:
        present = [element for element, count in zip(elements, counts, strict=True) if count]
        cells.update(present)
        if len(present) > 1:
            compounds.update(present)
    if alone := [element for element in elements if not compounds[element]]:
        name = min(alone, key=lambda element: cells[element])
        fix = "leave it out, or widen elements, atoms, charges, ends or ratios"
        raise InputError(f"composition.elements.{name}", "no compound within the limits has it", fix)


def _present(elements: Sequence[str], counts: Sequence[int]) -> Composition:
    """The composition without the elements it has none of."""
    present = [(element, count) for element, count in zip(elements, counts, strict=True) if count]
    return Composition(tuple(element for element, _ in present), tuple(count for _, count in present), 1)


def _neutral(elements: Sequence[str], counts: Sequence[int], charges: Mapping[str, float]) -> bool:
    return abs(sum(count * charges[element] for element, count in zip(elements, counts, strict=True))) < 1e-9
