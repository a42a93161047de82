"""Rates of the operators: the weights given, moved towards what has succeeded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from ase import Atoms

from .operators import OPERATORS
from .select import Parents
from .settings import SearchSettings

FLOOR = 0.05
"""Least rate of an operator in use, before the rates are scaled to 1 again."""

PRIOR = 2
"""Structures of mean success that every operator begins with."""


def rates(made: Sequence[Atoms], parents: Parents, settings: SearchSettings) -> dict[str, float]:
    """Share of the next generation that each operator makes; they add up to 1.

    The success of an operator is good / made, with two more made at the mean success of all, so that those not tried
    yet get their chance: what it made that became a candidate for parents counts by its chance to win a tournament,
    one on average. A random structure ``instead_of`` a child counts as made by the operator that failed, and as
    nobody's success. A rate is (1 - adaptation) of the weight and adaptation of the success, both scaled to 1
    (AutoFrac of USPEX: 0.55 and 0.45), and never less than 0.05. Operators that are off, or need what the compositions
    do not offer, get nothing.

    :param made: what every generation made, whatever became of it: what a search that learns has left behind, too
    :param parents: the candidates of now
    """
    usable = {
        name: weight
        for name, weight in settings.operators.model_dump().items()
        if weight > 0 and not (name in OPERATORS and OPERATORS[name].needs(settings.compositions()))
    }
    if not usable:
        return {"random": 1.0}
    weights = _scaled(usable)
    tried = Counter(frame.info.get("instead_of", frame.info.get("operator")) for frame in made)
    good: defaultdict[str, float] = defaultdict(float)
    for frame, chance in zip(parents.frames, len(parents.frames) * parents.chances(), strict=True):
        if "instead_of" not in frame.info:
            good[frame.info.get("operator", "")] += chance
    mean = (sum(good[name] for name in weights) + 1.0) / (sum(tried[name] for name in weights) + 2.0)
    success = _scaled({name: (good[name] + PRIOR * mean) / (tried[name] + PRIOR) for name in weights})
    share = settings.adaptation
    blend = {name: (1.0 - share) * weights[name] + share * success[name] for name in weights}
    if share == 0.0:
        return weights
    return _scaled({name: max(FLOOR, value) for name, value in blend.items()})


def plan(shares: dict[str, float], number: int) -> list[str]:
    """Operator of each structure, in proportion to the shares (largest remainders)."""
    exact = {name: number * share for name, share in shares.items()}
    counts = {name: int(value + 1e-9) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: number - sum(counts.values())]:
        counts[name] += 1
    return [name for name, count in counts.items() for _ in range(count)]


def describe(shares: dict[str, float]) -> str:
    """The rates to be read: ``random 0.40, heredity 0.60``."""
    return ", ".join(f"{name} {share:.2f}" for name, share in shares.items())


def _scaled(values: dict[str, float]) -> dict[str, float]:
    total = sum(values.values())
    return {name: value / total for name, value in values.items()}
