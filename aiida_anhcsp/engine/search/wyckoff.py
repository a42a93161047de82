"""Space groups and their Wyckoff positions (from pyxtal's tables), and random ways to occupy them."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

System = Literal["triclinic", "monoclinic", "orthorhombic", "tetragonal", "hexagonal", "cubic"]
LAST_OF_SYSTEM: dict[int, System] = {
    2: "triclinic",
    15: "monoclinic",
    74: "orthorhombic",
    142: "tetragonal",
    194: "hexagonal",
    230: "cubic",
}
CENTRING = {
    "P": np.eye(3),
    "A": np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, -0.5, 0.5]]),
    "C": np.array([[0.5, 0.5, 0.0], [-0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]),
    "I": np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
    "F": np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]),
    "R": np.array([[2.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [-1.0, -2.0, 1.0]]) / 3.0,
}
"""Primitive vectors in rows, in units of the conventional ones (R: obverse hexagonal setting)."""
PREFER_LARGE_ORBITS = 0.5


@dataclass(frozen=True, eq=False)
class Site:
    """A Wyckoff position: where its ``rotations`` (m, 3, 3) and ``translations`` (m, 3) take a fractional point.

    ``fixed`` positions have no free coordinate, so that one crystal can occupy them once.
    """

    multiplicity: int
    fixed: bool
    rotations: NDArray[np.float64]
    translations: NDArray[np.float64]

    def orbit(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional coordinates of all atoms of the orbit, shape (multiplicity, 3)."""
        return np.asarray(self.rotations @ point + self.translations)


@dataclass(frozen=True, eq=False)
class SpaceGroup:
    """A space group in its standard conventional setting; ``primitive`` vectors in units of the conventional ones."""

    number: int
    system: System
    primitive: NDArray[np.float64]
    sites: tuple[Site, ...]

    @property
    def cells(self) -> int:
        """Primitive cells in the conventional one."""
        return round(1.0 / float(np.linalg.det(self.primitive)))

    @property
    def fixed_sizes(self) -> Counter[int]:
        """How many fixed positions there are of each multiplicity."""
        return Counter(site.multiplicity for site in self.sites if site.fixed)

    @property
    def free_sizes(self) -> tuple[int, ...]:
        """Multiplicities of the positions that can be occupied any number of times."""
        return tuple(sorted({site.multiplicity for site in self.sites if not site.fixed}))


@functools.cache
def space_group(number: int) -> SpaceGroup:
    """The space group of an international number, 1 to 230."""
    from pyxtal.symmetry import get_symbol_and_number, get_wyckoffs

    symbol, _ = get_symbol_and_number(number)
    sites = []
    for position in get_wyckoffs(number):
        matrices = np.array([operation.affine_matrix for operation in position])
        fixed = not np.any(matrices[0, :3, :3])
        sites.append(Site(len(matrices), fixed, matrices[:, :3, :3], matrices[:, :3, 3]))
    system = next(name for last, name in LAST_OF_SYSTEM.items() if number <= last)
    return SpaceGroup(number, system, CENTRING[symbol[0]], tuple(sites))


@functools.cache
def compatible_groups(counts: tuple[int, ...]) -> tuple[int, ...]:
    """Numbers of the space groups that can host atoms of these ``counts`` (per primitive cell)."""
    compatible = []
    for number in range(1, 231):
        group = space_group(number)
        if _fits(tuple(count * group.cells for count in counts), _available(group.fixed_sizes), group.free_sizes):
            compatible.append(number)
    return tuple(compatible)


def draw_sites(group: SpaceGroup, counts: Sequence[int], rng: np.random.Generator) -> list[list[Site]]:
    """Positions for each kind of atom, chosen at random among all that can be completed.

    Half of the choices go to the largest orbits that fit, as many small ones would otherwise crowd special positions.

    :param counts: atoms of each kind per primitive cell; ``group`` is one of :func:`compatible_groups`
    """
    remaining = [count * group.cells for count in counts]
    free = group.free_sizes
    unused = list(group.sites)
    chosen: list[list[Site]] = [[] for _ in counts]
    for kind in range(len(remaining)):
        while remaining[kind]:
            options = []
            for site in unused:
                after = (remaining[kind] - site.multiplicity, *remaining[kind + 1 :])
                left = Counter(other.multiplicity for other in unused if other.fixed and other is not site)
                if after[0] >= 0 and _fits(after, _available(left), free):
                    options.append(site)
            if rng.random() < PREFER_LARGE_ORBITS:
                largest = max(site.multiplicity for site in options)
                options = [site for site in options if site.multiplicity == largest]
            site = options[int(rng.integers(len(options)))]
            remaining[kind] -= site.multiplicity
            chosen[kind].append(site)
            if site.fixed:
                unused.remove(site)
    return chosen


def draw_cell(system: System, volume: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A random conventional cell of a crystal system with the volume given (angstrom^3), vectors in rows.

    Lengths are log-normal with a spread of 0.35, free angles uniform from 60 to 120 degrees.
    """
    a, b, c = np.exp(rng.normal(scale=0.35, size=3))
    cosines = np.cos(np.deg2rad(rng.uniform(60.0, 120.0, size=3)))
    match system:
        case "triclinic":
            pass
        case "monoclinic":
            cosines[[0, 2]] = 0.0
        case "orthorhombic":
            cosines[:] = 0.0
        case "tetragonal":
            b, cosines[:] = a, 0.0
        case "hexagonal":
            b, cosines[:] = a, (0.0, 0.0, -0.5)
        case "cubic":
            b, c, cosines[:] = a, a, 0.0
    cos_alpha, cos_beta, cos_gamma = cosines
    metric = np.array([[1.0, cos_gamma, cos_beta], [cos_gamma, 1.0, cos_alpha], [cos_beta, cos_alpha, 1.0]])
    cell = np.array([a, b, c])[:, None] * np.linalg.cholesky(metric)
    return np.asarray(cell * np.cbrt(volume / np.linalg.det(cell)))


def _available(sizes: Counter[int]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(sizes.items()))


@functools.cache
def _fits(remaining: tuple[int, ...], available: tuple[tuple[int, int], ...], free: tuple[int, ...]) -> bool:
    """Whether orbits can hold ``remaining`` atoms of each kind: ``available`` (size, number) once, ``free`` at will."""
    if not remaining:
        return True
    for used in itertools.product(*(range(number + 1) for _, number in available)):
        rest = remaining[0] - sum(size * times for (size, _), times in zip(available, used, strict=True))
        if rest < 0 or not _is_sum_of(rest, free):
            continue
        left = tuple((size, number - times) for (size, number), times in zip(available, used, strict=True))
        if _fits(remaining[1:], left, free):
            return True
    return False


@functools.cache
def _is_sum_of(total: int, sizes: tuple[int, ...]) -> bool:
    reachable = {0}
    for value in range(1, total + 1):
        if any(value - size in reachable for size in sizes):
            reachable.add(value)
    return total in reachable
