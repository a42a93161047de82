"""A generation of offspring: random newcomers and children of the best."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from .initial import generator_of, named, random_source
from .operators import OPERATORS, Operator, RefusalError, Rules
from .rank import lowest
from .select import niches, tournament
from .settings import OperatorWeights, SearchSettings

log = logging.getLogger(__name__)

ATTEMPTS = 50


def vary(population: Sequence[Atoms], settings: SearchSettings, generation: int) -> list[Atoms]:
    """The structures of ``generation``: random ones first, then the children of each operator.

    Parents win tournaments among the lowest structures of as many niches as the population has members. A child that
    fifty attempts do not give is replaced by a random structure, and the log says why; where nothing is ranked yet
    all are random. Structure i depends on the seed, the generation, i and the population.

    :param population: everything relaxed so far, ranked
    :raises InputError: no random structure can obey the minimum distances.
    """
    ranked = lowest(population)
    candidates = niches(ranked, settings.niching, settings.population)
    source = random_source(settings, ranked)
    rules = Rules(settings.compositions(), settings.distance_table())
    children = []
    for index, name in enumerate(_plan(settings.operators, settings.number_in(generation))):
        rng = generator_of(settings.seed, generation, index)
        family = _offspring(OPERATORS[name], candidates, rules, rng) if name in OPERATORS else None
        if family is None:
            children.append(named(source.draw(rng), generation, index, "random"))
        else:
            child, parents = family
            children.append(named(child, generation, index, name, parents))
    return children


def _plan(weights: OperatorWeights, number: int) -> list[str]:
    """Operator of each structure, in proportion to the weights (largest remainders)."""
    shares = {name: weight for name, weight in weights.model_dump().items() if weight > 0}
    exact = {name: number * weight / sum(shares.values()) for name, weight in shares.items()}
    counts = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: number - sum(counts.values())]:
        counts[name] += 1
    return [name for name, count in counts.items() for _ in range(count)]


def _offspring(
    operator: Operator, candidates: Sequence[Atoms], rules: Rules, rng: np.random.Generator
) -> tuple[Atoms, list[str]] | None:
    """A child and the ids of its parents, or None after fifty refusals."""
    if len(candidates) < operator.n_parents:
        log.info("%s needs %d distinct parents, there are %d", operator.name, operator.n_parents, len(candidates))
        return None
    refusals: Counter[str] = Counter()
    for _ in range(ATTEMPTS):
        parents = tournament(candidates, operator.n_parents, rng)
        try:
            child = operator(parents, rules, rng)
        except RefusalError as refusal:
            refusals[str(refusal)] += 1
            continue
        return child, [str(parent.info["id"]) for parent in parents]
    log.info("%s gave no child in %d attempts, mostly: %s", operator.name, ATTEMPTS, refusals.most_common(1)[0][0])
    return None
