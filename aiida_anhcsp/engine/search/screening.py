"""Of several random structures the one worth a relaxation: the lowest after a few steps."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ..errors import InputError
from ..frames import bare
from ..potentials.base import Potential
from .initial import RandomStructures, named, random_source
from .rank import is_relaxed, lowest
from .settings import SearchSettings
from .unphysical import set_aside_unphysical

log = logging.getLogger(__name__)

RANDOM = "random"
STEPS = 5
"""Of relaxation, before the candidates are compared: most of what will be low is among the lowest quarter by then."""


def screened(
    children: Sequence[Atoms],
    population: Sequence[Atoms],
    settings: SearchSettings,
    generation: int,
    potential: Potential | None,
    batch_atoms: int = 64,
) -> list[Atoms]:
    """Each random structure of a generation replaced by the lowest of ``settings.candidates`` random ones.

    The candidates for a place have its composition, and the structure that is there is one of them. All are relaxed for
    five steps, and the one of the lowest enthalpy goes on from where that led; those that are unphysical by then do not
    count, and a place that has no other keeps its structure. ``screening_calls`` in ``info`` says how many evaluations
    a place took. What is drawn depends on the seed, the generation, the place and, as random structures do, on the
    population.

    :param population: everything relaxed so far, ranked; empty for the first generation
    :param batch_atoms: most atoms relaxed at a time
    :raises InputError: the potential is missing
    """
    if settings.candidates == 1:
        return list(children)
    if potential is None:
        fix = "give it, or candidates: 1"
        raise InputError("potential", f"missing, candidates: {settings.candidates} needs it", fix)
    places = [place for place, child in enumerate(children) if child.info["operator"] == RANDOM]
    candidates = _candidates(children, places, random_source(settings, lowest(population)), settings, generation)
    together = [frame for place in places for frame in candidates[place]]
    reached = _briefly_relaxed(together, settings, potential, batch_atoms)
    result, replaced, calls = list(children), 0, 0
    for order, place in enumerate(places):
        rivals = reached[order * settings.candidates : (order + 1) * settings.candidates]
        best = min(rivals, key=lambda frame: frame.info["enthalpy"] if is_relaxed(frame) else np.inf)
        if is_relaxed(best):
            result[place] = named(bare(best), generation, place, RANDOM)
            replaced += best is not rivals[0]
        result[place].info["screening_calls"] = sum(int(frame.info.get("steps", 0)) + 1 for frame in rivals)
        calls += result[place].info["screening_calls"]
    log.info(
        "generation %d: of %d candidates each, %d of %d random structures are another one, after %d evaluations",
        *(generation, settings.candidates, replaced, len(places), calls),
    )
    return result


def _candidates(
    children: Sequence[Atoms],
    places: Sequence[int],
    source: RandomStructures,
    settings: SearchSettings,
    generation: int,
) -> dict[int, list[Atoms]]:
    """For each place the structure that is there, and new ones of its composition."""
    found = {}
    for place in places:
        composition = next(choice for choice in source.choices if choice.holds(children[place]))
        numbers = range(1, settings.candidates)
        generators = (np.random.default_rng([settings.seed, generation, place, number]) for number in numbers)
        found[place] = [children[place], *(source.draw(rng, (composition,)) for rng in generators)]
    return found


def _briefly_relaxed(
    frames: Sequence[Atoms], settings: SearchSettings, potential: Potential, batch_atoms: int
) -> list[Atoms]:
    from ..relaxation import RelaxSettings, relax  # loads torch, which the work chains must not

    copies = [frame.copy() for frame in frames]
    for index, frame in enumerate(copies):
        frame.info["id"] = str(index)
    reached = relax(copies, potential, settings.pressure, RelaxSettings(max_steps=STEPS, batch_atoms=batch_atoms))
    return set_aside_unphysical(reached, settings)
