"""The search in one process: the functions that the work chain calls one by one, in a loop."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ase import Atoms

from ..errors import InputError
from ..frames import through_text, write_frames
from ..potentials import Potential
from .initial import random_population
from .rank import is_relaxed, lowest, rank
from .settings import SearchSettings
from .unphysical import set_aside_unphysical
from .vary import vary

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Generation:
    """A row of the history: what the search knew after a generation; enthalpies in eV/atom, absent before any."""

    generation: int
    relaxed: int
    failed: int
    distinct: int
    lowest_enthalpy: float | None
    lowest_id: str | None
    lowest_spacegroup: str | None
    total: int


def search(settings: SearchSettings, potential: Potential, outdir: Path, batch_atoms: int = 64) -> list[Atoms]:
    """Run a search and write ``population.extxyz`` and ``history.csv`` to ``outdir`` after every generation.

    The frames pass through their text between the steps, as they do between the jobs of the work chain, so that both
    give the same structures.

    :param batch_atoms: most atoms relaxed at a time
    :return: every structure in the order it was relaxed, ranked
    :raises InputError: the potential does not know an element, or no structure can obey the minimum distances.
    """
    require_elements(settings, potential)
    outdir.mkdir(parents=True, exist_ok=True)
    from ..relaxation import RelaxSettings, relax  # loads torch, which the work chains must not

    convergence = RelaxSettings(fmax=settings.relax.fmax, max_steps=settings.relax.max_steps, batch_atoms=batch_atoms)
    population: list[Atoms] = []
    history: list[Generation] = []
    while should_continue(settings, history):
        generation = len(history)
        children = through_text(first_or_next(population, settings, generation))
        relaxed = through_text(relax(children, potential, settings.pressure, convergence))
        relaxed = through_text(set_aside_unphysical(relaxed, settings))
        population = through_text(rank(merge([population, relaxed]), settings))
        history.append(summary(population, generation))
        write_frames(outdir / "population.extxyz", population)
        write_history(outdir / "history.csv", history)
        log.info(progress(history[-1]))
    return population


def first_or_next(population: Sequence[Atoms], settings: SearchSettings, generation: int) -> list[Atoms]:
    """Structures of a generation before their relaxation: random ones for the first, then offspring."""
    return random_population(settings) if generation == 0 else vary(population, settings, generation)


def merge(populations: Iterable[Sequence[Atoms]]) -> list[Atoms]:
    """All frames, one population after the other."""
    return [frame for population in populations for frame in population]


def summary(population: Sequence[Atoms], generation: int) -> Generation:
    """What a ranked population, everything up to ``generation``, amounts to."""
    latest = [frame for frame in population if frame.info["generation"] == generation]
    distinct = lowest(population)
    best = distinct[0].info if distinct else {}
    return Generation(
        generation=generation,
        relaxed=sum(is_relaxed(frame) for frame in latest),
        failed=sum(not is_relaxed(frame) for frame in latest),
        distinct=len(distinct),
        lowest_enthalpy=float(best["enthalpy"]) if best else None,
        lowest_id=str(best["id"]) if best else None,
        lowest_spacegroup=best.get("spacegroup"),
        total=len(population),
    )


def should_continue(settings: SearchSettings, history: Sequence[Generation]) -> bool:
    """Whether another generation follows: neither generations nor relaxations are used up, and it still pays."""
    if settings.number_in(len(history)) == 0:
        return False
    patience = settings.stop.generations_without_better
    if patience is None or len(history) <= patience:
        return True
    before = [row.lowest_enthalpy for row in history[:-patience] if row.lowest_enthalpy is not None]
    now = history[-1].lowest_enthalpy
    return now is None or not before or now < min(before) - settings.stop.better_by


def progress(row: Generation) -> str:
    """One line on a generation."""
    best = "none" if row.lowest_enthalpy is None else f"{row.lowest_enthalpy:.4f} eV/atom"
    return (
        f"generation {row.generation}: {row.relaxed} relaxed, {row.failed} failed, {row.distinct} distinct so far; "
        f"lowest {best} ({row.lowest_id or '-'}, {row.lowest_spacegroup or '-'})"
    )


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
    elements = {element for composition in settings.compositions() for element in composition.elements}
    if potential.elements is not None and not elements <= potential.elements:
        unknown = ", ".join(sorted(elements - potential.elements))
        raise InputError("formula", f"the potential does not know {unknown}", "choose another potential or formula")
