"""Minimum distances between atoms: given, or from covalent radii that shrink with pressure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.data.vdw_alvarez import vdw_radii
from numpy.typing import NDArray

from ..errors import InputError
from .composition import Composition
from .geometry import Neighbours, neighbours

PRESSURE_SCALE = 30.0
SHRINKAGE = 0.06
SHORT_BOND = 0.80
SHORT_BOND_OF_HYDROGEN = 0.85
SHORT_MULTIPLE_BOND = 0.72
MULTIPLY_BONDED = frozenset({"C", "N", "O", "F"})
RELIEF_STEPS = 20
RELIEF_MARGIN = 1.02
STILL = 1e-6
"""angstrom: where no push moves an atom by more, none will."""
LONGEST_IN_CONTACTS = 1.5
CLOSEST_PACKING = math.pi / math.sqrt(18.0)


def pair_of(first: str, second: str) -> tuple[str, str]:
    """The pair in alphabetical order: the key of a :class:`DistanceTable`."""
    return (first, second) if first <= second else (second, first)


@dataclass(frozen=True)
class DistanceTable:
    """Shortest distance allowed for each pair of elements, in angstrom, by :func:`pair_of`."""

    minima: Mapping[tuple[str, str], float]

    def raised(self, other: DistanceTable, share: float = 1.0) -> DistanceTable:
        """This table with no pair below ``share`` of its distance in ``other``, which has the same pairs."""
        return DistanceTable({pair: max(least, share * other[pair]) for pair, least in self.minima.items()})

    def __getitem__(self, pair: tuple[str, str]) -> float:
        return self.minima[pair_of(*pair)]

    def violation(self, frame: Atoms) -> str:
        """The pair of elements that is furthest below its limit, in words; empty when all distances are allowed."""
        close, limits = self._close_pairs(frame)
        if not len(limits):
            return ""
        worst = int(np.argmin(close.distance / limits))
        pair = "-".join(pair_of(*(frame.symbols[atom[worst]] for atom in (close.first, close.second))))
        return f"{pair} closer than {limits[worst]:.2f} angstrom"

    def relieved(self, frame: Atoms, spacing: float = 1.0) -> Atoms:
        """The frame with atoms that are too close pushed apart, in its cell, by at most twenty small moves.

        Pairs move apart along their bonds until all are at ``spacing`` times their limits (overlapping soft spheres;
        from its own images no atom can get away). Whether it helped is for :meth:`violation` to say. So that what
        symmetry makes equal stays so, the push ends 2 % beyond without a step, and of n equal pushes an atom follows
        the mean: their sum overshoots among many neighbours and magnifies rounding. Atoms that symmetry holds where
        they are end it at once.
        """
        relieved = frame.copy()
        for _ in range(RELIEF_STEPS):
            close, limits = self._close_pairs(relieved, RELIEF_MARGIN * spacing)
            overlapping = RELIEF_MARGIN * close.distance < limits
            if not np.any(overlapping & (close.first != close.second)):
                break
            overlap = limits - close.distance
            push = -0.5 * overlap[:, None] * close.vector / np.maximum(close.distance, 1e-3)[:, None]
            moves, largest, total = np.zeros((len(frame), 3)), np.zeros(len(frame)), np.zeros(len(frame))
            np.add.at(moves, close.first, push)
            np.add.at(total, close.first, overlap)
            np.maximum.at(largest, close.first, overlap)
            moves *= (largest / np.where(total > 0, total, 1.0))[:, None]
            if np.abs(moves).max() < STILL:
                break
            relieved.positions += moves
        return relieved

    def _close_pairs(self, frame: Atoms, spacing: float = 1.0) -> tuple[Neighbours, NDArray[np.float64]]:
        """Pairs below ``spacing`` times their limits, and that many times these limits (angstrom)."""
        near = neighbours(frame, spacing * max(self.minima.values()))
        elements, kind = np.unique(frame.get_chemical_symbols(), return_inverse=True)
        table = spacing * np.array([[self[first, second] for second in elements] for first in elements])
        limits = table[kind[near.first], kind[near.second]]
        below = near.distance < limits
        pairs = Neighbours(near.first[below], near.second[below], near.distance[below], near.vector[below])
        return pairs, limits[below]

    def require_room(self, composition: Composition, volume: float, pressure: float) -> None:
        """Refuse a table that no arrangement in ``volume`` (angstrom^3) can obey.

        Atoms of some elements all at least d apart are spheres of diameter d, which fill at most pi/sqrt(18) of space.

        :param pressure: GPa, which the advice names where it can be lowered
        :raises InputError: even the closest packing of one element, or of several together, does not fit.
        """
        for count, group, pair in self._packings(composition):
            if _closest_packed(count, self[pair]) > volume:
                raise InputError(
                    "minimum_distances",
                    f"{count} {' and '.join(group)} atoms {self[pair]:.2f} angstrom apart do not fit in "
                    f"{volume:.1f} angstrom^3",
                    lower("-".join(pair), pressure),
                )

    def least_volume(self, composition: Composition) -> float:
        """The volume (angstrom^3) below which :meth:`require_room` refuses the table."""
        return max(_closest_packed(count, self[pair]) for count, _, pair in self._packings(composition))

    def _packings(self, composition: Composition) -> Iterator[tuple[int, tuple[str, ...], tuple[str, str]]]:
        """Atoms of each element and of several together: how many, of which, and the pair that may be closest."""
        counts = dict(zip(composition.elements, composition.counts, strict=True))
        for group in itertools.chain(*(itertools.combinations(counts, n + 1) for n in range(len(counts)))):
            pair = min(itertools.combinations_with_replacement(group, 2), key=self.__getitem__)
            yield sum(counts[element] for element in group), group, pair


def _closest_packed(count: int, diameter: float) -> float:
    """Volume (angstrom^3) of so many spheres of a diameter (angstrom) in the closest packing."""
    return count * math.pi / 6.0 * diameter**3 / CLOSEST_PACKING


def lower(distances: str, pressure: float) -> str:
    """What to do where there is no room at ``pressure`` (GPa): at 0 only the distances can be lowered."""
    return f"lower {distances} or the pressure" if pressure > 0 else f"lower {distances}"


def radius(element: str, pressure: float) -> float:
    """Covalent radius (Cordero et al., Dalton Trans. 2832 (2008)) shrunk by pressure (GPa), in angstrom.

    r (1 + P / 30 GPa)^(-0.06 r^2 / angstrom^2): large atoms are soft, hydrogen hardly shrinks. With the factors of
    :func:`distance_table` the nearest neighbours of Cs at 50 GPa, K at 100 GPa, and La and Ca in their hydrides at
    150 GPa stay allowed.
    """
    ambient = float(covalent_radii[atomic_numbers[element]])
    return ambient * (1.0 + max(pressure, 0.0) / PRESSURE_SCALE) ** (-SHRINKAGE * ambient**2)


def distance_table(elements: Iterable[str], pressure: float, given: Mapping[str, float] | None = None) -> DistanceTable:
    """Minimum distances of all pairs of ``elements`` at ``pressure`` (GPa).

    A pair that is not given gets a share of the sum of its radii: 0.85 with hydrogen, which has single bonds only
    (at 130 GPa H-H 0.52, H-S 1.06 angstrom), 0.72 with C, N, O or F, whose bonds may be multiple or ionic (N-N, V-O),
    and 0.80 otherwise.

    :param given: angstrom by pair, as ``{"H-S": 1.1}``, in either order
    :raises InputError: a given pair is malformed, names other elements, repeats another, is not positive or far
        beyond the sum of van der Waals radii (Alvarez, Dalton Trans. 42, 8617 (2013), as ASE has them).
    """
    elements = sorted(set(elements))
    minima: dict[tuple[str, str], float] = {}
    for text, distance in (given or {}).items():
        pair = _parse_pair(text, elements)
        if pair in minima and minima[pair] != distance:
            raise InputError(
                "minimum_distances", f"{'-'.join(pair)} is given twice, as {minima[pair]} and {distance}", "keep one"
            )
        if not (math.isfinite(distance) and distance > 0.0):
            raise InputError("minimum_distances", f"{text} is {distance}", "give a positive distance in angstrom")
        longest = LONGEST_IN_CONTACTS * float(sum(vdw_radii[atomic_numbers[name]] for name in pair))
        if distance > longest:  # never where a radius is not known
            raise InputError(
                "minimum_distances",
                f"{text} is {distance}, further apart than neighbours without any bond (up to {longest:.1f} angstrom)",
                "give a distance in angstrom, shorter than a bond",
            )
        minima[pair] = float(distance)
    for pair in itertools.combinations_with_replacement(elements, 2):
        minima.setdefault(pair, _share(pair) * (radius(pair[0], pressure) + radius(pair[1], pressure)))
    return DistanceTable(minima)


def _share(pair: tuple[str, str]) -> float:
    """The shortest bond of a pair relative to the sum of its radii."""
    if "H" in pair:
        return SHORT_BOND_OF_HYDROGEN
    return SHORT_BOND if MULTIPLY_BONDED.isdisjoint(pair) else SHORT_MULTIPLE_BOND


def _parse_pair(text: str, elements: list[str]) -> tuple[str, str]:
    names = [name.strip() for name in text.split("-")]
    if len(names) != 2:
        raise InputError("minimum_distances", f"{text!r} is no pair of elements", "write pairs like H-S")
    for name in names:
        if name not in elements:
            raise InputError(
                "minimum_distances", f"{name!r} in {text!r} is not in the formula", f"use {', '.join(elements)}"
            )
    return pair_of(names[0], names[1])
