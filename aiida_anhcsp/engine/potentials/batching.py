"""How frames are put together for one call of a potential."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

BATCH_ATOMS = {"cpu": 64, "cuda": 8192}
"""Most atoms in one call where nothing else is asked for: a core gains a tenth from 256, in four times the memory
(benchmarks/scheduling); on a GPU the memory limits a call further."""


def batches(costs: Sequence[int], most: float) -> Iterator[list[int]]:
    """Places of consecutive members whose costs (atoms, bonds) sum up to ``most``; a dearer one comes alone."""
    batch: list[int] = []
    total = 0
    for place, cost in enumerate(costs):
        if batch and total + cost > most:
            yield batch
            batch, total = [], 0
        batch.append(place)
        total += cost
    if batch:
        yield batch
