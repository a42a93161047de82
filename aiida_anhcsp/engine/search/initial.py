"""Random structures with symmetry: any space group that can host the composition, drawn with equal chance."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce
from numpy.typing import NDArray

from ..errors import InputError
from .composition import Composition, draw
from .displace import displaced
from .distances import DistanceTable, distance_table, lower
from .geometry import reduced
from .multiply import repeated
from .newcomers import Newcomers
from .rank import missing_elements
from .settings import SearchSettings
from .volumes import VOLUME_SPREAD, learned_factors, volume_per_atom
from .wyckoff import Site, compatible_groups, draw_cell, draw_sites, space_group

log = logging.getLogger(__name__)

MISSES_BEFORE_EXCLUSION = 3
ATTEMPTS = 60
PATIENCE = 10
"""Times as many attempts where a structure was drawn before: one that is hard to place must not cost a generation."""
TRIALS = 5
REFERENCE_SHARE = 0.1
P1 = 1
SPACING = 1.25
"""Distances that random structures have where they can, in units of the least ones by radii: about those of bonds."""


class RandomStructures:
    """Source of random symmetric structures of some compositions.

    Space groups that cannot host a composition are never tried; one whose first three structures violated the
    distances is left out from then on, so that the time per structure is bounded. Where none is left all get three
    more, once. One that gave a structure stays, however often it then misses.

    :param volumes: mean volume per atom of each composition, angstrom^3; a cell deviates by up to 10 %
    :param distances: what every structure obeys
    :param usual: four fifths of the lengths of bonds, to which atoms are pushed apart where there is room
    :param displacement: what is then taken off the symmetry, angstrom; see :func:`.displace.displaced`
    :param without_symmetry: share of structures that are put into P1; the others draw among all space groups
    :param subcells: share of structures that are made in a part of the cell, and repeated
    :param pressure: GPa, for the advice where there is no room
    :raises InputError: the distances leave no room in such a volume.
    """

    def __init__(
        self,
        choices: Sequence[Composition],
        volumes: dict[Composition, float],
        distances: DistanceTable,
        usual: DistanceTable,
        displacement: float,
        without_symmetry: float,
        subcells: float,
        pressure: float,
    ) -> None:
        for composition in choices:
            largest = volumes[composition] * composition.n_atoms * (1.0 + VOLUME_SPREAD)
            distances.require_room(composition, largest, pressure)
        self.choices, self.volumes, self.displacement, self.pressure = choices, volumes, displacement, pressure
        self.distances, self.usual = distances, usual
        self.without_symmetry, self.subcells = without_symmetry, subcells
        self.groups: dict[Composition, list[int]] = {}
        self.misses: defaultdict[Composition, Counter[int]] = defaultdict(Counter)
        self.hosts: set[tuple[Composition, int]] = set()
        self.reopened: set[Composition] = set()

    def draw(
        self,
        rng: np.random.Generator,
        choices: Sequence[Composition] = (),
        preferred: Sequence[Composition] = (),
    ) -> Atoms:
        """A new structure in a reduced right-handed cell.

        :param choices: the compositions to draw from; all if none are given
        :param preferred: those of the first 30 attempts, if any
        :raises InputError: no structure obeys the distances in any of 60 attempts, or of 600 once one has.
        """
        attempts = ATTEMPTS * (PATIENCE if self.hosts else 1)
        for attempt in range(attempts):
            first = preferred if attempt < ATTEMPTS // 2 else ()
            whole = draw(first or choices or self.choices, rng)
            parts = self._parts(whole, rng)
            composition = whole.divided(parts)
            groups = self.groups.setdefault(composition, list(compatible_groups(composition.counts)))
            if not groups:
                continue
            group = self._group(groups, rng)
            volume = self.volumes[whole] * rng.uniform(1.0 - VOLUME_SPREAD, 1.0 + VOLUME_SPREAD)
            frame = symmetric_structure(composition, group, volume, self.distances, self.usual, rng)
            if frame is not None:
                self.hosts.add((composition, group))
                return displaced(repeated(frame, parts, rng), self.displacement, self.distances, rng)
            self._missed(composition, group)
        problem = f"no structure obeys them in {attempts} attempts"
        raise InputError("minimum_distances", problem, lower("them", self.pressure))

    def _parts(self, composition: Composition, rng: np.random.Generator) -> int:
        """In how many like cells a structure is made: in one, or in any number that divides its atoms."""
        numbers = composition.divisors() if self.subcells else []
        if not numbers or rng.random() >= self.subcells:
            return 1
        return int(rng.choice(numbers))

    def _missed(self, composition: Composition, group: int) -> None:
        """Leave out a group that never gave a structure; of the last, open all again, once."""
        misses = self.misses[composition]
        misses[group] += 1
        if (composition, group) in self.hosts or misses[group] < MISSES_BEFORE_EXCLUSION:
            return
        groups, formula = self.groups[composition], "".join(composition.symbols)
        groups.remove(group)
        log.info("space group %d is too crowded for %s and left out", group, formula)
        if not groups and composition not in self.reopened:
            self.reopened.add(composition)
            groups.extend(compatible_groups(composition.counts))
            misses.clear()
            log.info("no space group is left for %s, all are tried again", formula)

    def _group(self, groups: Sequence[int], rng: np.random.Generator) -> int:
        """A space group; a search that wants none without symmetry draws no number for it."""
        if self.without_symmetry and P1 in groups and rng.random() < self.without_symmetry:
            return P1
        return int(rng.choice(groups))


def random_source(settings: SearchSettings, ranked: Sequence[Atoms] = ()) -> RandomStructures:
    """The source of random structures of a search; ``ranked`` ones (lowest first) teach it the volumes of atoms.

    Where the distances would have no room in a volume that was learned, it is the first estimate.
    """
    choices = settings.compositions()
    distances = settings.distance_table()
    volumes = {composition: volume_per_atom(composition, settings.pressure) for composition in choices}
    if ranked:
        learned = learned_factors(ranked, settings.pressure)
        for composition in choices:
            volume = volume_per_atom(composition, settings.pressure, learned)
            if volume * composition.n_atoms >= distances.least_volume(composition):
                volumes[composition] = volume
    return RandomStructures(
        choices,
        volumes,
        distances,
        distance_table(settings.elements, settings.pressure).raised(distances, 1.0 / SPACING),
        settings.displacement,
        settings.without_symmetry,
        settings.subcells,
        settings.pressure,
    )


def random_population(settings: SearchSettings, generation: int = 0, number: int | None = None) -> list[Atoms]:
    """A generation of random structures with ``id``, ``generation`` and ``operator`` in their info.

    Structure i of generation g depends on the seed, on g and on i (and, through excluded groups, on those before).
    A search over compositions begins with its elements, the references of the hull: a tenth of the structures, and
    at least two, for each. The others have the compositions that were drawn least (:mod:`.newcomers`).

    :param number: how many; by default what the settings say of that generation
    :raises InputError: no structure can obey the minimum distances.
    """
    count = settings.number_in(generation) if number is None else number
    source = random_source(settings)
    alone = references(settings, count)
    newcomers = Newcomers(settings.compositions())
    population = []
    for index in range(count):
        rng = generator_of(settings.seed, generation, index)
        choices = alone[index] if index < len(alone) else ()
        preferred = newcomers.choose(None, rng) if settings.variable and not choices else ()
        population.append(named(source.draw(rng, choices, preferred), generation, index, "random"))
        newcomers.count(population[-1])
    return population


def references(settings: SearchSettings, number: int, found: Sequence[Atoms] = ()) -> list[tuple[Composition, ...]]:
    """Compositions of the first of ``number`` structures: those of elements that ``found`` has no structure of."""
    if not settings.variable:
        return []
    each = max(2, round(REFERENCE_SHARE * number))
    alone = [
        tuple(choice for choice in settings.compositions() if choice.elements == (element,))
        for element in missing_elements(found, settings)
    ]
    return [choices for choices in alone for _ in range(each)][:number]


def generator_of(seed: int, generation: int, index: int) -> np.random.Generator:
    """The randomness of one structure."""
    return np.random.default_rng([seed, generation, index])


def named(
    frame: Atoms, generation: int, index: int, operator: str, parents: Sequence[str] = (), instead_of: str = ""
) -> Atoms:
    """The frame with nothing but its identity and descent in ``info``.

    :param instead_of: the operator that was to make it and could not, if any
    """
    frame.info = {"id": f"g{generation:03d}-{index:04d}", "generation": generation, "operator": operator}
    if parents:
        frame.info["parents"] = " ".join(parents)
    if instead_of:
        frame.info["instead_of"] = instead_of
    return frame


def symmetric_structure(
    composition: Composition,
    number: int,
    volume: float,
    distances: DistanceTable,
    usual: DistanceTable,
    rng: np.random.Generator,
) -> Atoms | None:
    """One random structure of space group ``number`` with ``composition`` in its primitive cell.

    Wyckoff positions, their free coordinates and the lattice are random. Atoms that come out too close are pushed
    apart along the line between them, which keeps the symmetry: to 1.25 of the ``usual`` distances where there is
    room. What then is lower after a few steps is more often lower in the end (:mod:`.screening`), and takes fewer.

    :param volume: angstrom^3 per atom
    :returns: the first of five trials that keeps to both tables, or else one that obeys ``distances``, or None
    """
    group = space_group(number)
    longest = max(distances[element, element] for element in composition.elements)
    both, closer = distances.raised(usual), None
    for _ in range(TRIALS):
        cell = draw_cell(group.system, volume * composition.n_atoms * group.cells, rng)
        primitive, _ = minkowski_reduce(group.primitive @ cell)
        if np.linalg.norm(primitive, axis=1).min() < longest:
            continue
        sites = draw_sites(group, composition.counts, rng)
        frame = _occupied(composition.elements, sites, cell, group.primitive @ cell, rng)
        if not composition.holds(frame):
            continue
        frame = reduced(both.relieved(usual.relieved(frame, spacing=SPACING)))
        if not both.violation(frame):
            return frame
        if closer is None and not distances.violation(frame):
            closer = frame
    return closer


def _occupied(
    elements: Sequence[str],
    sites: Sequence[Sequence[Site]],
    cell: NDArray[np.float64],
    primitive: NDArray[np.float64],
    rng: np.random.Generator,
) -> Atoms:
    """The primitive cell of a crystal with atoms on ``sites``: what the centring repeats is kept once."""
    inverse = cell @ np.linalg.inv(primitive)
    symbols: list[str] = []
    scaled: list[NDArray[np.float64]] = []
    for element, occupied in zip(elements, sites, strict=True):
        for site in occupied:
            orbit = site.orbit(rng.random(3)) @ inverse
            separation = orbit[:, None, :] - orbit[None, :, :]
            same = np.all(np.abs(separation - np.round(separation)) < 1e-6, axis=-1)
            first = np.argmax(same, axis=1) == np.arange(len(orbit))
            scaled.extend(orbit[first])
            symbols.extend([element] * int(first.sum()))
    return Atoms(symbols, scaled_positions=scaled, cell=primitive, pbc=True)
