"""The search in one process: the functions that the work chain calls one by one, in a loop."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ase import Atoms

from ..errors import InputError
from ..frames import through_text, write_frames
from ..potentials import Potential
from .hull import hull_mean
from .hull_change import largest_fall
from .initial import random_population
from .prototypes import with_prototypes
from .rank import competes, is_relaxed, lowest, missing_elements, rank
from .rates import describe, rates
from .screening import screened
from .seeds import beside_seeds, with_seeds
from .settings import ENTHALPY, GIBBS, HULL_DISTANCE, SearchSettings
from .symmetrise import symmetrised
from .target import require_target, target_distance
from .unphysical import set_aside_unphysical
from .vary import parents_of, vary

log = logging.getLogger(__name__)

HOPELESS = 3
"""Generations in which everything fails before a search is given up."""


@dataclass(frozen=True)
class Generation:
    """A row of the history: what the search knew after a generation; enthalpies in eV/atom, absent before any.

    The structure of lowest enthalpy need not be the fittest. ``hull_fall`` (eV/atom) is what :func:`hull_fall` says.
    """

    generation: int
    relaxed: int
    failed: int
    distinct: int
    lowest_enthalpy: float | None
    lowest_id: str | None
    lowest_spacegroup: str | None
    total: int
    rates: str | None = None
    hull_mean: float | None = None
    hull_fall: float | None = None
    lowest_fitness: float | None = None
    target_distance: float | None = None


def search(
    settings: SearchSettings,
    potential: Potential,
    outdir: Path,
    batch_atoms: int = 64,
    seeds: Sequence[Atoms] = (),
    target: Atoms | None = None,
) -> list[Atoms]:
    """Run a search and write ``population.extxyz`` and ``history.csv`` to ``outdir`` after every generation.

    The frames pass through their text between the steps, as they do between the jobs of the work chain, so that both
    give the same structures.

    :param batch_atoms: most atoms relaxed at a time
    :param seeds: structures that join the first generation
    :param target: the search ends when it is found
    :return: every structure in the order it was relaxed, ranked
    :raises InputError: the potential does not know an element, no structure can obey the minimum distances, seeds or
        target are no structures of this search, or it is ranked by free energy.
    """
    require_elements(settings, potential)
    if settings.ranked_by == GIBBS:
        fix = "use aiida-anhcsp launch search, where every SSCHA stage is a job of its own"
        raise InputError("fitness", "gibbs takes every structure through SSCHA", fix)
    if target is not None:
        require_target(settings, target)
    settings = beside_seeds(seeds, settings)
    outdir.mkdir(parents=True, exist_ok=True)
    from ..relaxation import RelaxSettings, relax  # loads torch, which the work chains must not

    convergence = RelaxSettings(fmax=settings.relax.fmax, max_steps=settings.relax.max_steps, batch_atoms=batch_atoms)
    population: list[Atoms] = []
    history: list[Generation] = []

    def relaxed(frames: Sequence[Atoms]) -> list[Atoms]:
        come_to_rest = through_text(relax(frames, potential, settings.pressure, convergence))
        return through_text(set_aside_unphysical(come_to_rest, settings))

    def keep(latest: Sequence[Atoms]) -> list[Atoms]:
        together = through_text(rank(merge([population, latest]), settings))
        write_frames(outdir / "population.extxyz", together)
        return together

    while should_continue(settings, history):
        generation = len(history)
        children = first_or_next(population, settings, generation, potential, batch_atoms)
        if generation == 0:
            children = with_seeds(children, seeds, settings)
        population = keep(relaxed(through_text(children)))
        history.append(summary(population, generation, settings, target))
        write_history(outdir / "history.csv", history)
        log.info(progress(history[-1]))
    copies = symmetrised(population, settings.symmetrise)
    if copies:
        population = keep(relaxed(through_text(copies)))
        log.info("%d of the lowest structures symmetrised and relaxed again", len(copies))
    return population


def first_or_next(
    population: Sequence[Atoms], settings: SearchSettings, generation: int, potential: Potential, batch_atoms: int
) -> list[Atoms]:
    """Structures of a generation before their relaxation: random ones and prototypes first, then offspring."""
    first = generation == 0
    drawn = random_population(settings) if first else vary(population, settings, generation, potential)
    chosen = screened(drawn, population, settings, generation, potential, batch_atoms)
    return with_prototypes(chosen, settings) if first else chosen


def merge(populations: Iterable[Sequence[Atoms]]) -> list[Atoms]:
    """All frames, one population after the other."""
    return [frame for population in populations for frame in population]


def summary(
    population: Sequence[Atoms],
    generation: int,
    settings: SearchSettings | None = None,
    target: Atoms | None = None,
) -> Generation:
    """What a ranked population, everything up to ``generation``, amounts to.

    :param settings: adds the rates that the operators have earned and, for a search over compositions, the mean
        enthalpy of the hull and its fall
    :param target: adds the distance of the structure that is nearest to it
    """
    latest = [frame for frame in population if frame.info["generation"] == generation]
    best: dict[str, Any] = min(
        (frame.info for frame in population if is_relaxed(frame)),
        key=lambda info: (info["enthalpy"], info["id"]),
        default={},
    )
    row = Generation(
        generation=generation,
        relaxed=sum(competes(frame, settings) for frame in latest),
        failed=sum(not competes(frame, settings) for frame in latest),
        distinct=len(lowest(population)),
        lowest_enthalpy=float(best["enthalpy"]) if best else None,
        lowest_id=str(best["id"]) if best else None,
        lowest_spacegroup=best.get("spacegroup"),
        total=len(population),
        target_distance=target_distance(population, target) if target is not None else None,
    )
    if settings is None:
        return row
    parents = parents_of(population, settings)
    return replace(
        row,
        rates=describe(rates(population, parents, settings)),
        hull_mean=height(population, settings),
        hull_fall=hull_fall(population, generation, settings),
        lowest_fitness=lowest_fitness(population, settings),
    )


def lowest_fitness(population: Sequence[Atoms], settings: SearchSettings) -> float | None:
    """Lowest fitness of a ranked population, where neither enthalpy nor the hull already says how good it is."""
    if settings.ranked_by in (ENTHALPY, HULL_DISTANCE):
        return None
    return min((float(frame.info["fitness"]) for frame in population if "fitness" in frame.info), default=None)


def height(population: Sequence[Atoms], settings: SearchSettings) -> float | None:
    """Mean enthalpy of the hull over the compositions of the search, eV/atom; None without a hull."""
    relaxed = [frame for frame in population if is_relaxed(frame)]
    if not settings.variable or missing_elements(relaxed, settings):
        return None
    return hull_mean(relaxed, [Counter(composition.symbols) for composition in settings.compositions()])


def hull_fall(population: Sequence[Atoms], generation: int, settings: SearchSettings) -> float | None:
    """How far the hull fell, where it fell most, in the generations of the criterion of the end, eV/atom.

    None where that is not what ends the search, and where an element had no relaxed structure before them.

    :param population: everything up to ``generation``
    """
    patience = settings.stop.generations_without_better
    if patience is None or settings.ranked_by != HULL_DISTANCE:
        return None
    relaxed = [frame for frame in population if is_relaxed(frame)]
    before = [frame for frame in relaxed if frame.info["generation"] <= generation - patience]
    return None if missing_elements(before, settings) else largest_fall(before, relaxed)


def should_continue(settings: SearchSettings, history: Sequence[Generation]) -> bool:
    """Whether another generation follows.

    A search ends when generations or relaxations are used up, when nothing of the last three generations could
    be relaxed, when the target is found, and when the lowest enthalpy, the hull wherever it fell most, or the lowest of
    another fitness has not fallen by ``better_by`` in as many generations as ``generations_without_better`` says.
    """
    if settings.number_in(len(history)) == 0:
        return False
    if len(history) >= HOPELESS and not any(row.relaxed for row in history[-HOPELESS:]):
        log.warning("nothing could be relaxed in %d generations: the search ends", HOPELESS)
        return False
    nearest = history[-1].target_distance if history else None
    if nearest is not None and nearest <= settings.stop.target_distance:
        return False
    patience = settings.stop.generations_without_better
    if patience is None or len(history) <= patience:
        return True
    if settings.ranked_by == HULL_DISTANCE:
        fall = history[-1].hull_fall
        return fall is None or fall > settings.stop.better_by
    by_enthalpy = settings.ranked_by == ENTHALPY
    values = [row.lowest_enthalpy if by_enthalpy else row.lowest_fitness for row in history]
    before = [value for value in values[:-patience] if value is not None]
    now = values[-1]
    return now is None or not before or now < min(before) - settings.stop.better_by


def progress(row: Generation) -> str:
    """One line on a generation."""
    best = "none" if row.lowest_enthalpy is None else f"{row.lowest_enthalpy:.4f} eV/atom"
    text = (
        f"generation {row.generation}: {row.relaxed} relaxed, {row.failed} failed, {row.distinct} distinct so far; "
        f"lowest {best} ({row.lowest_id or '-'}, {row.lowest_spacegroup or '-'})"
    )
    if row.hull_mean is not None:
        text += f"; hull at {row.hull_mean:.4f} eV/atom on average"
    if row.target_distance is not None:
        text += f"; target at a distance of {row.target_distance:.4f}"
    return text


def write_history(path: Path, history: Sequence[Generation]) -> None:
    """Write the history as CSV; what is absent is an empty cell."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Generation)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in history)


def require_elements(settings: SearchSettings, potential: Potential) -> None:
    """Refuse a formula with elements that the potential does not know.

    :raises InputError: such an element.
    """
    elements = set(settings.elements)
    if potential.elements is not None and not elements <= potential.elements:
        unknown = ", ".join(sorted(elements - potential.elements))
        raise InputError("formula", f"the potential does not know {unknown}", "choose another potential or formula")
