"""Crystals in larger cells: parents where the compositions of a search hold several of their own, and compact ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.build import make_supercell
from numpy.typing import NDArray

from ..frames import bare
from .composition import Composition, content_of
from .geometry import reduced


def multiplied(parent: Atoms, compositions: Sequence[Composition], rng: np.random.Generator) -> Atoms:
    """The same crystal in one to as many of its cells as one of ``compositions`` holds, all numbers equally likely.

    The superlattice is any of that number of cells. The ``id`` then names it, too.
    """
    number = int(rng.choice([1, *(number for number in cells_held(parent, compositions) if number > 1)]))
    if number == 1:
        return parent
    lattice = _superlattice(number, rng)
    larger = reduced(make_supercell(parent, lattice))
    larger.info["id"] = f"{parent.info['id']} in {lattice.tolist()}"
    return larger


def cells_held(frame: Atoms, compositions: Sequence[Composition]) -> list[int]:
    """In how many of its cells a crystal is one of these compositions, the smallest number first."""
    content = content_of(frame)
    held = {each.content for each in compositions}
    most = max(each.n_atoms for each in compositions) // len(frame)
    return [number for number in range(1, most + 1) if tuple(sorted(content * number)) in held]


def repeated(frame: Atoms, number: int, rng: np.random.Generator) -> Atoms:
    """The same crystal in so many of its cells, by any superlattice."""
    return frame if number == 1 else reduced(make_supercell(frame, _superlattice(number, rng)))


def _superlattice(number: int, rng: np.random.Generator) -> NDArray[np.int64]:
    lattices = superlattices(number)
    return lattices[int(rng.integers(len(lattices)))]


def superlattices(number: int) -> list[NDArray[np.int64]]:
    """Every superlattice of ``number`` cells once, its vectors in rows, in those of the cell (Hermite normal form)."""
    return [
        np.array([[a, 0, 0], [d, b, 0], [e, f, c]])
        for a in range(1, number + 1)
        for b in range(1, number // a + 1)
        if (c := number // (a * b)) * a * b == number
        for d in range(a)
        for e in range(a)
        for f in range(b)
    ]


def with_atoms(primitive: Atoms, number: int) -> Atoms:
    """A compact cell of the crystal with ``number`` atoms, a multiple of the primitive cell's: its shortest vectors
    are multiplied.
    """
    cell = bare(primitive)
    for factor in _prime_factors(number // len(primitive)):
        multiples = np.ones(3, dtype=int)
        multiples[int(np.argmin(cell.cell.lengths()))] = factor
        cell = cell.repeat(tuple(multiples))
    return reduced(cell)


def _prime_factors(number: int) -> list[int]:
    factors, divisor = [], 2
    while number > 1:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return sorted(factors, reverse=True)
