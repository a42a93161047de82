"""A generation of offspring: random newcomers and children of the best."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ..errors import InputError
from ..potentials.base import Potential
from .displace import displaced
from .initial import generator_of, named, random_source, references
from .modes import Modes, PotentialModes, spring_modes
from .multiply import multiplied
from .newcomers import Newcomers
from .operators import OPERATORS, Operator, RefusalError, Rules, require_change
from .rank import is_relaxed, lowest
from .rates import describe, plan, rates
from .select import Parents, candidates
from .settings import SearchSettings

log = logging.getLogger(__name__)

ATTEMPTS = 50
FAILED_CHILDREN = 3


def vary(
    population: Sequence[Atoms], settings: SearchSettings, generation: int, potential: Potential | None = None
) -> list[Atoms]:
    """The structures of ``generation``: random ones and the children of each operator.

    Parents win tournaments among the lowest structures of as many niches as the population has members. A child that
    fifty attempts do not give is replaced by a random structure, and the log says why; an operator that fails so
    three times is left alone for the rest of the generation. ``instead_of`` in the info of a replacement names the
    operator, whose rate falls by it. Where nothing is ranked yet all are random, and no operator is to blame.
    Structure i depends on the seed, the generation, i and the population.

    :param population: everything relaxed so far, ranked
    :param potential: tells the soft modes where the settings ask for that
    :raises InputError: no random structure can obey the minimum distances, or the potential is missing.
    """
    modes = _modes(settings, potential)
    ranked = lowest(population)
    number = settings.number_in(generation)
    if not ranked:
        log.info("generation %d: nothing is ranked, all structures are random", generation)
    parents = parents_of(population, settings)
    shares = rates(population, parents, settings)
    log.info("generation %d: %s", generation, describe(shares))
    source = random_source(settings, ranked)
    rules = Rules(
        settings.compositions(), settings.distance_table(), settings.symmetric_parents, modes, settings.pressure
    )
    alone = references(settings, number, [frame for frame in population if is_relaxed(frame)])
    newcomers = Newcomers(settings.compositions(), population)
    failures: Counter[str] = Counter()
    children = []
    for index, name in enumerate(plan(shares, number)):
        rng = generator_of(settings.seed, generation, index)
        family = None
        if name in OPERATORS and failures[name] < FAILED_CHILDREN and index >= len(alone):
            operator = OPERATORS[name]
            larger = settings.variable and operator.local
            family = _offspring(operator, parents, rules, settings.mating, larger, rng)
            failures[name] += family is None
        if family is None:
            choices = alone[index] if index < len(alone) else ()
            preferred = newcomers.choose(parents, rng) if settings.variable and not choices else ()
            failed = name if name in OPERATORS and parents.frames and index >= len(alone) else ""
            frame = source.draw(rng, choices, preferred)
            children.append(named(frame, generation, index, "random", instead_of=failed))
        else:
            child, chosen = family
            child = displaced(child, settings.displacement, rules.distances, rng)
            children.append(named(child, generation, index, name, chosen))
        newcomers.count(children[-1])
    return children


def parents_of(population: Sequence[Atoms], settings: SearchSettings) -> Parents:
    """Candidates for parents in a ranked population: elements alone only where there is nothing else.

    On the hull as they are, they would win most tournaments, and few operators lead from them to compounds.
    """
    ranked = lowest(population)
    compounds = [frame for frame in ranked if len(set(frame.numbers)) > 1] if settings.variable else []
    return candidates(compounds or ranked, settings.niching, settings.population, settings.antiseeds)


def _modes(settings: SearchSettings, potential: Potential | None) -> Modes:
    if not settings.soft_modes_of_potential:
        return spring_modes
    if potential is None:
        raise InputError("potential", "missing, soft_modes: potential needs it", "give it, or soft_modes: springs")
    return PotentialModes(potential, settings.pressure)


def _offspring(
    operator: Operator, parents: Parents, rules: Rules, mating: float, larger: bool, rng: np.random.Generator
) -> tuple[Atoms, list[str]] | None:
    """A child, of parents in larger cells if asked for, and the ids of its parents, or None after fifty refusals."""
    if len(parents.frames) < operator.n_parents:
        log.info("%s needs %d distinct parents, there are %d", operator.name, operator.n_parents, len(parents.frames))
        return None
    refusals: Counter[str] = Counter()
    for _ in range(ATTEMPTS):
        chosen = parents.choose(operator.n_parents, mating, rng)
        cells = [multiplied(parent, rules.compositions, rng) for parent in chosen] if larger else chosen
        try:
            child = operator(cells, rules, rng)
            require_change(child, chosen)
        except RefusalError as refusal:
            refusals[str(refusal)] += 1
            continue
        return child, [str(parent.info["id"]) for parent in chosen]
    log.info("%s gave no child in %d attempts, mostly: %s", operator.name, ATTEMPTS, refusals.most_common(1)[0][0])
    return None
