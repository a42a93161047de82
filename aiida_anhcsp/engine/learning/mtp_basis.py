"""Moment tensor potentials before training: the basis of a level, in the tables of MLIP's format.

Shapeev, Multiscale Model. Simul. 14, 1153 (2016): moments M_mu,nu of an atom's surroundings are contracted to
scalars; a contraction has the sum of its moments' levels 2 + 4 mu + nu, and a potential of a level holds all
contractions up to it. Which ones are distinct is motep's enumeration; here its tensors are written out by component.
"""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
from motep.potentials.mtp.data import BasisData, MTPData
from motep.potentials.mtp.jax.moment import MomentBasis
from numpy.typing import NDArray

from .trainable import MTP_LEVELS

Signature = tuple[tuple[tuple[int, int], int], ...]


def untrained_mtp(
    level: int, species: list[int], minimum_distance: float, cutoff: float, radial_basis_size: int = 8
) -> MTPData:
    """An MTP without coefficients.

    :param level: one of MTP_LEVELS
    :param species: atomic numbers, in the order of the potential's types
    :param minimum_distance: angstrom, below the shortest distance that will occur
    :param cutoff: angstrom
    :raises ValueError: another level
    """
    if level not in MTP_LEVELS:
        raise ValueError(f"level {level} is none of {', '.join(map(str, MTP_LEVELS))}")
    contractions = MomentBasis(level).read_moments()
    table = _ComponentTable()
    scalars = [int(table.tensor(contraction)[()]) for contraction in contractions]
    basic, times = table.tables()
    data = MTPData(
        version="1.1.0",
        potential_name=f"MTP1m-{level}",
        scaling=1.0,
        species_count=len(species),
        radial_basis=BasisData("RBChebyshev", np.float64(minimum_distance), np.float64(cutoff), radial_basis_size),
        radial_funcs_count=int(basic[:, 0].max()) + 1,
        alpha_moments_count=len(basic) + table.products,
        alpha_index_basic_count=len(basic),
        alpha_index_basic=basic,
        alpha_index_times_count=len(times),
        alpha_index_times=times,
        alpha_scalar_moments=len(scalars),
        alpha_moment_mapping=table.renumbered(scalars),
    )
    data.species = species
    return data


class _ComponentTable:
    """Numbers every component of every tensor once; a product's number is negative until all basics are known."""

    def __init__(self) -> None:
        self._basics: dict[tuple[int, int, int, int], int] = {}
        self._products: dict[Signature, int] = {}

    @property
    def products(self) -> int:
        return len(self._products)

    def tensor(self, node: tuple) -> NDArray[np.int_]:
        """Numbers of the components of a moment (mu, nu, nu) or of a contraction (left, right, rank, axes)."""
        if not isinstance(node[0], tuple):
            return self._moment(node[0], node[1])
        left, right = self.tensor(node[0]), self.tensor(node[1])
        left_axes, right_axes = (list(axes) for axes in node[3])
        n = len(left_axes)
        left = np.moveaxis(left, left_axes, range(left.ndim - n, left.ndim)).reshape(-1, 3**n)
        right_shape = tuple(3 for _ in range(right.ndim - n))
        left_shape = tuple(3 for _ in range(node[2] - len(right_shape)))
        right = np.moveaxis(right, right_axes, range(n)).reshape(3**n, -1)
        result = np.empty((left.shape[0], right.shape[1]), dtype=int)
        for i, j in np.ndindex(*result.shape):
            result[i, j] = self._product(left[i], right[:, j])
        return result.reshape(left_shape + right_shape)

    def tables(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """``alpha_index_basic`` (mu, x, y, z) and ``alpha_index_times`` (left, right, multiplicity, result)."""
        basic = np.array(list(self._basics), dtype=np.int32).reshape(-1, 4)
        rows = [
            (*self.renumbered([i, j]), multiplicity, *self.renumbered([number]))
            for signature, number in self._products.items()
            for (i, j), multiplicity in signature
        ]
        return basic, np.array(rows, dtype=np.int32).reshape(-1, 4)

    def renumbered(self, numbers: list[int]) -> NDArray[np.int32]:
        """Basics first, then products, as MLIP counts them."""
        shift = len(self._basics)
        return np.array([number if number >= 0 else shift - 1 - number for number in numbers], dtype=np.int32)

    def _moment(self, mu: int, nu: int) -> NDArray[np.int_]:
        numbers = np.empty((3,) * nu, dtype=int)
        for index in product(range(3), repeat=nu):
            key = (mu, index.count(0), index.count(1), index.count(2))
            numbers[index] = self._basics.setdefault(key, len(self._basics))
        return numbers

    def _product(self, left: NDArray[np.int_], right: NDArray[np.int_]) -> int:
        pairs = Counter((min(i, j), max(i, j)) for i, j in zip(left.tolist(), right.tolist(), strict=True))
        signature = tuple(sorted(pairs.items()))
        return self._products.setdefault(signature, -1 - len(self._products))
