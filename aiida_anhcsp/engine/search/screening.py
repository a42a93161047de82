"""Of several random structures, or cuts of two parents, the one worth a relaxation: the lowest after a few steps."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms

from ..errors import InputError
from ..frames import bare
from ..potentials.base import Potential
from .composition import Composition
from .displace import displaced
from .initial import named, random_source
from .operators import Heredity, RefusalError, Rules
from .rank import is_relaxed, lowest
from .settings import SearchSettings
from .unphysical import set_aside_unphysical
from .vary import ATTEMPTS

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
    *,
    checkpoint: Path | None = None,
    identity: str = "",
) -> list[Atoms]:
    """Each random structure and each child of heredity replaced by the lowest of ``settings.candidates`` of its kind.

    The candidates for a place have its composition, those of a child its parents too, and the structure that is there
    is one of them. (Other children are left alone: of several mutants of a low parent the lowest are those that fall
    back to it.) All are relaxed for five steps, and the one of the lowest enthalpy goes on from where that led; those
    that are unphysical by then do not count, and a place that has no other keeps its structure. ``screening_calls`` in
    ``info`` says how many evaluations a place took. What is drawn depends on the seed, the generation, the place and,
    as random structures do, on the population.

    :param population: everything relaxed so far, ranked; empty for the first generation
    :param batch_atoms: most atoms relaxed at a time
    :param checkpoint: file from which the same call, once killed, goes on; removed at the end
    :param identity: of the potential, for the checkpoint
    :raises InputError: the potential is missing
    """
    if settings.candidates == 1:
        return list(children)
    if potential is None:
        fix = "give it, or candidates: 1"
        raise InputError("potential", f"missing, candidates: {settings.candidates} needs it", fix)
    from ..relaxation import RelaxSettings, relax  # loads torch, which the work chains must not

    candidates = _candidates(children, population, settings, generation)
    together = [frame.copy() for rivals in candidates.values() for frame in rivals]
    for index, frame in enumerate(together):
        frame.info["id"] = str(index)
    brief = RelaxSettings(max_steps=STEPS, batch_atoms=batch_atoms)
    relaxed = relax(together, potential, settings.pressure, brief, checkpoint=checkpoint, identity=identity)
    reached = iter(set_aside_unphysical(relaxed, settings, at_rest=False))
    result, replaced, calls = list(children), 0, 0
    for place in candidates:
        rivals = [next(reached) for _ in candidates[place]]
        best = min(rivals, key=lambda frame: frame.info["enthalpy"] if is_relaxed(frame) else np.inf)
        if is_relaxed(best):
            born = children[place].info
            parents, instead_of = born.get("parents", "").split(), born.get("instead_of", "")
            result[place] = named(bare(best), generation, place, born["operator"], parents, instead_of)
            replaced += best is not rivals[0]
        result[place].info["screening_calls"] = sum(int(frame.info.get("steps", 0)) + 1 for frame in rivals)
        calls += result[place].info["screening_calls"]
    log.info(
        "generation %d: of %d candidates each, %d of %d structures are another one, after %d evaluations",
        *(generation, settings.candidates, replaced, len(candidates), calls),
    )
    return result


def _candidates(
    children: Sequence[Atoms], population: Sequence[Atoms], settings: SearchSettings, generation: int
) -> dict[int, list[Atoms]]:
    """For each place that is compared the structure that is there, and new ones of its kind."""
    source = random_source(settings, lowest(population))
    rules = Rules(
        settings.compositions(),
        settings.distance_table(),
        settings.symmetric_parents,
        pressure=settings.pressure,
    )
    known = {frame.info["id"]: frame for frame in population}
    found = {}
    for place, child in enumerate(children):
        composition = next(choice for choice in source.choices if choice.holds(child))
        generators = [
            np.random.default_rng([settings.seed, generation, place, number])
            for number in range(1, settings.candidates)
        ]
        if child.info["operator"] == RANDOM:
            found[place] = [child, *(source.draw(rng, (composition,)) for rng in generators)]
        elif child.info["operator"] == Heredity.name:
            parents = [known[name] for name in child.info["parents"].split()]
            cuts = (_cut(parents, composition, rules, settings.displacement, rng) for rng in generators)
            found[place] = [child, *(cut for cut in cuts if cut is not None)]
    return found


def _cut(
    parents: Sequence[Atoms], composition: Composition, rules: Rules, displacement: float, rng: np.random.Generator
) -> Atoms | None:
    """A child of these parents with the composition, displaced as children are, if fifty attempts give one.

    The others that a cut may come to are those of the parents: of all in the search few cuts would give this one.
    """
    sought = {composition, *(rules.composition_of(parent) for parent in parents)}
    rules = replace(rules, compositions=tuple(each for each in rules.compositions if each in sought))
    for _ in range(ATTEMPTS):
        try:
            child = Heredity()(parents, rules, rng)
        except RefusalError:
            continue
        if composition.holds(child):
            return displaced(child, displacement, rules.distances, rng)
    return None
