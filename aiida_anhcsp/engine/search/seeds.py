"""Structures from elsewhere that join the first generation."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ase import Atoms

from ..errors import InputError
from ..frames import bare
from .initial import generator_of
from .multiply import cells_held, repeated
from .settings import SearchSettings

log = logging.getLogger(__name__)

FAILED = ("too_close", "nonfinite", "collapsed", "exploded", "failed", "unphysical")


def wanted(seeds: Sequence[Atoms]) -> list[Atoms]:
    """Seeds without those that failed in the run they come from, or are duplicates there."""
    return [seed for seed in seeds if seed.info.get("status") not in FAILED and "duplicate_of" not in seed.info]


def beside_seeds(seeds: Sequence[Atoms], settings: SearchSettings, argument: str = "seeds") -> SearchSettings:
    """Settings of what a search makes beside its seeds: ``max_relaxations`` counts them.

    :raises InputError: they leave room for nothing else.
    """
    limit = settings.max_relaxations
    if limit is None:
        return settings
    number = len(wanted(seeds))
    if limit - number - settings.prototypes < 1:
        fix = f"give fewer, or max_relaxations of more than {number + settings.prototypes}"
        raise InputError(argument, f"max_relaxations: {limit} leaves none beside {number} seeds", fix)
    return settings.model_copy(update={"max_relaxations": limit - number})


def with_seeds(
    population: Sequence[Atoms], seeds: Sequence[Atoms], settings: SearchSettings, argument: str = "seeds"
) -> list[Atoms]:
    """The first generation followed by seeds, which take identities of that generation and the operator ``seed``.

    Of an earlier run what failed and what its ranking calls a duplicate is left out. The identity that a seed had is
    kept as ``seed_of``. A seed in a smaller cell than those of the search is repeated into the smallest that holds it.

    :raises InputError: a seed fills none of the search's cells, or is not periodic.
    """
    compositions = settings.compositions()
    chosen = wanted(seeds)
    if len(chosen) < len(seeds):
        log.info(
            "%d of %d seeds failed or are duplicates in the run they come from", len(seeds) - len(chosen), len(seeds)
        )
    frames = list(population)
    for number, seed in enumerate(chosen, start=1):
        name = seed.info.get("id", f"structure {number}")
        cells = cells_held(seed, compositions)
        if not cells:
            formula = seed.get_chemical_formula()
            fix = "take it out, or widen formula_units or composition"
            raise InputError(argument, f"{name} is {formula}, no cell of this search for {settings.system}", fix)
        if not seed.pbc.all() or seed.cell.rank < 3:
            raise InputError(argument, f"{name} is not periodic in three directions", "give crystals")
        frame = repeated(bare(seed), cells[0], generator_of(settings.seed, 0, len(frames)))
        frame.info = {"id": f"g000-{len(frames):04d}", "generation": 0, "operator": "seed"}
        if "id" in seed.info:
            frame.info["seed_of"] = str(seed.info["id"])
        frames.append(frame)
    return frames
