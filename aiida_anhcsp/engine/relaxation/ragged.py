"""Several structures of different size in flat arrays: one row of three numbers per atom and three per cell.

Sums over a structure's rows run in the order of its rows, so that they do not depend on the structure's company.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Batch:
    """Arrays over structures: those named in ``ROWS`` have shape (n_rows, ...), the others (n_structures, ...)."""

    ROWS: ClassVar[frozenset[str]] = frozenset()

    def arrays(self) -> dict[str, NDArray]:
        """All arrays by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def select(self, keep: Mask, owner: Integers) -> Self:
        """The structures where ``keep`` (n_structures,) is true; ``owner`` is the structure of each row."""
        rows = keep[owner]
        return type(self)(**{name: a[rows if name in self.ROWS else keep] for name, a in self.arrays().items()})

    def join(self, other: Self) -> Self:
        """These structures followed by the other ones."""
        others = other.arrays()
        return type(self)(**{name: np.concatenate([array, others[name]]) for name, array in self.arrays().items()})

    def overlay(self, other: Self, where: Mask, owner: Integers) -> Self:
        """These structures, those of ``where`` (n_structures,) taken from ``other``, which has the same shape."""
        merged = {}
        others = other.arrays()
        for name, array in self.arrays().items():
            mask = where[owner] if name in self.ROWS else where
            merged[name] = np.where(mask.reshape(-1, *[1] * (array.ndim - 1)), others[name], array)
        return type(self)(**merged)


def owners(counts: Integers) -> Integers:
    """Structure of each row, shape (n_rows,), from the number of atoms per structure."""
    return np.repeat(np.arange(len(counts)), counts + 3)


def cell_rows(counts: Integers) -> Integers:
    """Row indices of the cells, shape (n_structures, 3): they follow the atoms of their structure."""
    return np.cumsum(counts + 3)[:, None] + np.arange(-3, 0)


def total(owner: Integers, per_row_values: Floats, number: int) -> Floats:
    """Sum a quantity of shape (n_rows,) over the rows of each structure."""
    return np.bincount(owner, weights=per_row_values, minlength=number).astype(np.float64)


def dot(owner: Integers, a: Floats, b: Floats, number: int) -> Floats:
    """Scalar product of each structure's rows of ``a`` and ``b``, both of shape (n_rows, 3)."""
    product = a * b
    return total(owner, product[:, 0] + product[:, 1] + product[:, 2], number)


def largest(owner: Integers, per_row_values: Floats, number: int) -> Floats:
    """Largest of a non-negative quantity of shape (n_rows,) over the rows of each structure."""
    result = np.zeros(number)
    np.maximum.at(result, owner, per_row_values)
    return result


def norms(rows: Floats) -> Floats:
    """Euclidean norm of each row."""
    squares = rows * rows
    return np.sqrt(squares[:, 0] + squares[:, 1] + squares[:, 2])
