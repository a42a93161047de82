"""Random structures with symmetry: any space group that can host the composition, drawn with equal chance."""

from __future__ import annotations

import functools
import itertools
import logging
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ..errors import InputError
from .composition import Composition, draw
from .distances import DistanceTable
from .geometry import reduced
from .settings import SearchSettings
from .volumes import learned_volume_per_atom, volume_per_atom

log = logging.getLogger(__name__)

VOLUME_SPREAD = 0.1
FAILURES_BEFORE_EXCLUSION = 3
ATTEMPTS = 60
CENTRING = {
    "P": np.eye(3),
    "A": np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, -0.5, 0.5]]),
    "C": np.array([[0.5, 0.5, 0.0], [-0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]),
    "I": np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
    "F": np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]),
    "R": np.array([[2.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [-1.0, -2.0, 1.0]]) / 3.0,
}
"""Primitive vectors in rows, in units of the conventional ones (R: obverse hexagonal setting)."""


class RandomStructures:
    """Source of random symmetric structures of some compositions.

    Space groups that cannot host a composition are never tried; one whose structures violated the distances three
    times in a row is left out from then on, so that the time per structure is bounded.

    :param volumes: mean volume per atom of each composition, angstrom^3; a cell deviates by up to 10 %
    :raises InputError: the distances leave no room in such a volume.
    """

    def __init__(
        self, choices: Sequence[Composition], volumes: dict[Composition, float], distances: DistanceTable
    ) -> None:
        for composition in choices:
            distances.require_room(composition, volumes[composition] * composition.n_atoms * (1.0 + VOLUME_SPREAD))
        self.choices, self.volumes, self.distances = choices, volumes, distances
        self.groups = {composition: list(compatible_groups(composition.counts)) for composition in choices}
        self.failures: Counter[tuple[Composition, int]] = Counter()

    def draw(self, rng: np.random.Generator) -> Atoms:
        """A new structure in a reduced right-handed cell.

        :raises InputError: no structure obeys the distances in any of 60 attempts.
        """
        for _ in range(ATTEMPTS):
            composition = draw(self.choices, rng)
            groups = self.groups[composition]
            if not groups:
                continue
            group = int(rng.choice(groups))
            volume = self.volumes[composition] * rng.uniform(1.0 - VOLUME_SPREAD, 1.0 + VOLUME_SPREAD)
            frame = symmetric_structure(composition, group, volume, self.distances, rng)
            if frame is not None:
                self.failures[composition, group] = 0
                return frame
            self.failures[composition, group] += 1
            if self.failures[composition, group] == FAILURES_BEFORE_EXCLUSION:
                groups.remove(group)
                log.info("space group %d is too crowded for %s and left out", group, "".join(composition.symbols))
        raise InputError(
            "minimum_distances", f"no structure obeys them in {ATTEMPTS} attempts", "lower them or the pressure"
        )


def random_source(settings: SearchSettings, ranked: Sequence[Atoms] = ()) -> RandomStructures:
    """The source of random structures of a search; ``ranked`` ones (lowest first) teach it their volume."""
    choices = settings.compositions()
    volumes = {
        composition: learned_volume_per_atom(volume_per_atom(composition, settings.pressure), ranked)
        for composition in choices
    }
    return RandomStructures(choices, volumes, settings.distance_table())


def random_population(settings: SearchSettings, generation: int = 0, number: int | None = None) -> list[Atoms]:
    """A generation of random structures with ``id``, ``generation`` and ``operator`` in their info.

    Structure i of generation g depends on the seed, on g and on i (and, through excluded groups, on those before).

    :param number: how many; by default what the settings say of that generation
    :raises InputError: no structure can obey the minimum distances.
    """
    count = settings.number_in(generation) if number is None else number
    source = random_source(settings)
    return [
        named(source.draw(generator_of(settings.seed, generation, index)), generation, index, "random")
        for index in range(count)
    ]


def generator_of(seed: int, generation: int, index: int) -> np.random.Generator:
    """The randomness of one structure."""
    return np.random.default_rng([seed, generation, index])


def named(frame: Atoms, generation: int, index: int, operator: str, parents: Sequence[str] = ()) -> Atoms:
    """The frame with nothing but its identity and descent in ``info``."""
    frame.info = {"id": f"g{generation:03d}-{index:04d}", "generation": generation, "operator": operator}
    if parents:
        frame.info["parents"] = " ".join(parents)
    return frame


def symmetric_structure(
    composition: Composition, group: int, volume: float, distances: DistanceTable, rng: np.random.Generator
) -> Atoms | None:
    """One random structure with ``composition`` in its primitive cell, by pyxtal's random crystal.

    :param volume: angstrom^3 per atom
    :returns: None where pyxtal finds no arrangement that obeys ``distances``
    """
    from pyxtal.crystal import random_crystal
    from pyxtal.lattice import Lattice
    from pyxtal.msg import VolumeError
    from pyxtal.tolerance import Tol_matrix

    symmetry = _group(group)
    tolerance = Tol_matrix(*((*pair, distance) for pair, distance in distances.minima.items()))
    total = volume * composition.n_atoms * symmetry.cellsize()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyxtal warns of every lattice it discards
        try:
            lattice = Lattice(symmetry.lattice_type, total, unique_axis="c", random_state=rng)
        except VolumeError:
            return None
        crystal = random_crystal(
            3,
            symmetry,
            list(composition.elements),
            list(composition.counts),
            lattice=lattice,
            conventional=False,
            tm=tolerance,
            random_state=rng,
        )
    if not crystal.valid:
        return None
    symbols = [site.specie for site in crystal.atom_sites for _ in site.coords]
    scaled = np.vstack([site.coords for site in crystal.atom_sites])
    frame = reduced(_primitive(symbols, scaled, np.asarray(crystal.lattice.matrix), CENTRING[symmetry.symbol[0]]))
    frame = frame[np.argsort(frame.numbers, kind="stable")]
    return frame if composition.holds(frame) and not distances.violation(frame) else None


@functools.cache
def compatible_groups(counts: tuple[int, ...]) -> tuple[int, ...]:
    """Space groups in which atoms of these ``counts`` per primitive cell can be put on Wyckoff positions."""
    return tuple(number for number in range(1, 231) if _can_host(number, counts))


def _can_host(number: int, counts: tuple[int, ...]) -> bool:
    symmetry = _group(number)
    single = Counter(site.multiplicity for site in symmetry if site.get_dof() == 0)
    shared = sorted({site.multiplicity for site in symmetry if site.get_dof() > 0})
    sizes = sorted(single)

    def fits(remaining: tuple[int, ...], available: tuple[int, ...]) -> bool:
        if not remaining:
            return True
        for used in itertools.product(*(range(number + 1) for number in available)):
            rest = remaining[0] - sum(size * times for size, times in zip(sizes, used, strict=True))
            left = tuple(have - times for have, times in zip(available, used, strict=True))
            if rest >= 0 and _is_sum_of(rest, shared) and fits(remaining[1:], left):
                return True
        return False

    cell = tuple(count * symmetry.cellsize() for count in counts)
    return fits(cell, tuple(single[size] for size in sizes))


def _is_sum_of(total: int, sizes: Sequence[int]) -> bool:
    reachable = {0}
    for value in range(1, total + 1):
        if any(value - size in reachable for size in sizes):
            reachable.add(value)
    return total in reachable


@functools.cache
def _group(number: int) -> Any:
    from pyxtal.symmetry import Group

    return Group(number)


def _primitive(
    symbols: Sequence[str], scaled: NDArray[np.float64], cell: NDArray[np.float64], centring: NDArray[np.float64]
) -> Atoms:
    """One lattice point of a centred cell: atoms that the centring translations repeat are kept once."""
    inside = scaled @ np.linalg.inv(centring)
    separation = inside[:, None, :] - inside[None, :, :]
    same = np.all(np.abs(separation - np.round(separation)) < 1e-6, axis=-1)
    first = np.argmax(same, axis=1) == np.arange(len(inside))
    kept = [symbol for symbol, chosen in zip(symbols, first, strict=True) if chosen]
    return Atoms(kept, scaled_positions=inside[first], cell=centring @ cell, pbc=True)
