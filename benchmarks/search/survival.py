"""Statistics of searches that may end without a hit."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z95 = 1.959964
ROUNDING = 1e-9
""""Half" is a product of fractions."""


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson, J. Am. Stat. Assoc. 22, 209 (1927))."""
    share = successes / trials
    centre = share + Z95**2 / (2 * trials)
    spread = Z95 * math.sqrt(share * (1 - share) / trials + Z95**2 / (4 * trials**2))
    scale = 1 + Z95**2 / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def median_time(hits: Sequence[int | None], ends: Sequence[int]) -> int | None:
    """Median time to the first hit by Kaplan and Meier, J. Am. Stat. Assoc. 53, 457 (1958).

    A search without a hit is censored at its end: it says that the hit comes later, not that it never comes.

    :param hits: relaxations to the first hit, None without one
    :param ends: relaxations of each search
    :return: None where fewer than half have hit by the end
    """
    events = sorted({hit for hit in hits if hit is not None})
    survival = 1.0
    for time in events:
        at_risk = sum((hit or end) >= time for hit, end in zip(hits, ends, strict=True))
        survival *= 1 - sum(hit == time for hit in hits) / at_risk
        if survival <= 0.5 + ROUNDING:
            return time
    return None
