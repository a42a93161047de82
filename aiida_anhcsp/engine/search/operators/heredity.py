"""Heredity: a child of two parents by cut and splice."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray

from ..composition import Composition, draw
from ..geometry import reduced
from ..symmetrise import in_symmetry
from ..volumes import estimated_volume, volume_per_atom
from .base import RefusalError, Rules

SMALLEST_SHARE = 0.25
CUT_NORMALS = np.array([n for n in itertools.product((-1, 0, 1), repeat=3) if n > (0, 0, 0)])
"""Integer normals of lattice planes: the cut may run along any direction of the lattice."""


@dataclass(frozen=True)
class Slabs:
    """Atoms of two parents: parent (0 or 1), atomic number and fractional coordinates of each, and if the cut keeps it.

    All have the shape (n_atoms,), ``scaled`` (n_atoms, 3).
    """

    origins: NDArray[np.int64]
    numbers: NDArray[np.int64]
    scaled: NDArray[np.float64]
    inside: NDArray[np.bool_]


class Heredity:
    """Cut two parents by the same lattice planes and join the slabs (Oganov and Glass, JCP 124, 244704 (2006)).

    Where the rules ask for it, each parent is first moved into the symmetry that it almost has (as in MAGUS). It is
    brought to a reduced cell, turned and reflected by a random exchange of its axes and shifted at random.

    The slab 0 <= h.s < f comes from the first parent, the rest from the second, with h a random lattice plane
    and f from 0.25 to 0.75; the child's lattice is the mean of the parents' with the same weights. Surplus
    atoms are removed and missing ones are taken from what the cut discarded, so that the child has the composition
    of one of its parents, or, where the search has several ratios of elements, the one nearest to what the slabs hold
    (as in USPEX); at least a quarter of its atoms come from each (as in XtalOpt).
    """

    name = "heredity"
    n_parents = 2
    local = False

    def needs(self, compositions: Sequence[Composition]) -> str:
        """Two atoms, one of each parent."""
        return "" if max(each.n_atoms for each in compositions) > 1 else "cells of two atoms or more"

    def __call__(self, parents: Sequence[Atoms], rules: Rules, rng: np.random.Generator) -> Atoms:
        """A child of two parents.

        :raises RefusalError: a parent contributes less than a quarter, or atoms come too close.
        """
        if rules.symmetry:
            parents = [in_symmetry(parent, rules.symmetry) for parent in parents]
        turned = [_turned(parent, rng) for parent in parents]
        composition = draw([rules.composition_of(parent) for parent in parents], rng)
        fraction = rng.uniform(SMALLEST_SHARE, 1.0 - SMALLEST_SHARE)
        normal = rng.choice(CUT_NORMALS)
        slabs = _cut(turned, normal, fraction)
        if rules.variable:
            composition = _nearest(slabs, rules.compositions, rng)
        chosen = _filled(slabs, composition, rng)
        shares = np.bincount(slabs.origins[chosen], minlength=2) / len(chosen)
        if shares.min() < SMALLEST_SHARE:
            raise RefusalError(f"one parent gives less than {SMALLEST_SHARE:.0%} of the atoms")
        cells = [np.asarray(parent.cell) for parent in turned]
        cell = fraction * cells[0] + (1.0 - fraction) * cells[1]
        volume = _volume(composition, turned, fraction, rules)
        flatness = abs(np.linalg.det(cell)) / np.prod(np.linalg.norm(cell, axis=1))
        if flatness < 0.1:
            raise RefusalError("the mean lattice of the parents is flat")
        cell *= np.cbrt(volume / abs(np.linalg.det(cell)))
        numbers, scaled = slabs.numbers[chosen], slabs.scaled[chosen]
        return rules.admit(Atoms(numbers=numbers, scaled_positions=scaled, cell=cell, pbc=True))


def _turned(parent: Atoms, rng: np.random.Generator) -> Atoms:
    """The parent with its axes exchanged and reversed at random, in upright orientation, shifted at random.

    An exchange of negative determinant reflects the crystal: the upright cell is right-handed again.
    """
    compact = reduced(parent)
    axes = rng.permutation(3)
    signs = rng.choice([-1.0, 1.0], size=3)
    scaled = compact.get_scaled_positions()[:, axes] * signs + rng.random(3)
    cell = np.asarray(compact.cell)[axes] * signs[:, None]
    frame = Atoms(numbers=compact.numbers, scaled_positions=scaled, cell=cell, pbc=True)
    metric = frame.cell.cellpar()
    frame.set_cell(metric, scale_atoms=True)
    frame.wrap()
    return frame


def _cut(parents: Sequence[Atoms], normal: NDArray[np.int64], fraction: float) -> Slabs:
    """Both parents cut by the same planes."""
    origins = np.repeat([0, 1], [len(parent) for parent in parents])
    numbers = np.concatenate([parent.numbers for parent in parents])
    scaled = np.vstack([parent.get_scaled_positions() for parent in parents])
    height = (scaled @ normal) % 1.0
    return Slabs(origins, numbers, scaled, np.where(origins == 0, height < fraction, height >= fraction))


def _nearest(slabs: Slabs, compositions: Sequence[Composition], rng: np.random.Generator) -> Composition:
    """Of what the parents have the atoms for, what takes fewest atoms away from the slabs and adds fewest.

    :raises RefusalError: there is nothing of that kind.
    """
    symbols = np.array([chemical_symbols[number] for number in slabs.numbers])
    there, held = Counter(symbols.tolist()), Counter(symbols[slabs.inside].tolist())
    differences = {}
    for each in compositions:
        wanted = Counter(dict(zip(each.elements, each.counts, strict=True)))
        if wanted <= there:
            differences[each] = (wanted - held).total() + (held - wanted).total()
    if not differences:
        raise RefusalError("the parents together have too few atoms for the child")
    least = min(differences.values())
    return draw([each for each, difference in differences.items() if difference == least], rng)


def _filled(slabs: Slabs, composition: Composition, rng: np.random.Generator) -> NDArray[np.int64]:
    """Atoms of both parents that make the child: those of the slabs, then those outside, of each element at random."""
    wanted = Counter(int(number) for number in Atoms(composition.symbols).numbers)
    chosen: list[int] = []
    for number, count in wanted.items():
        kept = rng.permutation(np.flatnonzero(slabs.inside & (slabs.numbers == number)))
        spare = rng.permutation(np.flatnonzero(~slabs.inside & (slabs.numbers == number)))
        if len(kept) + len(spare) < count:
            raise RefusalError("the parents together have too few atoms for the child")
        chosen.extend(int(index) for index in np.concatenate([kept, spare])[:count])
    return np.array(chosen)


def _volume(composition: Composition, parents: Sequence[Atoms], fraction: float, rules: Rules) -> float:
    """Volume of the child, angstrom^3: per atom, or of the estimate over compositions, the mean of the parents'."""
    if rules.variable:
        amount = composition.n_atoms * volume_per_atom(composition, rules.pressure)
        amounts = [estimated_volume(parent, rules.pressure) for parent in parents]
    else:
        amount, amounts = composition.n_atoms, [len(parent) for parent in parents]
    return amount * (
        fraction * parents[0].get_volume() / amounts[0] + (1.0 - fraction) * parents[1].get_volume() / amounts[1]
    )
