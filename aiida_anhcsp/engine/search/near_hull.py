"""Which structures of a search over compositions are worth the SSCHA that decides between them."""

from __future__ import annotations

from collections.abc import Sequence

from ase import Atoms

from .hull import formula_of, hull_distances
from .rank import lowest

WINDOW = 0.05
"""eV/atom above the hull: what zero-point and anharmonic motion may still bring down."""


def by_composition(frames: Sequence[Atoms]) -> dict[str, list[Atoms]]:
    """The frames of each ratio of elements, in their order."""
    groups: dict[str, list[Atoms]] = {}
    for frame in frames:
        groups.setdefault(formula_of(frame).reduced_formula, []).append(frame)
    return groups


def lowest_and_elements(ranked: Sequence[Atoms], number: int) -> list[Atoms]:
    """The ``number`` lowest distinct structures, then the lowest of each element that is not among them, alone.

    :param ranked: a ranked population over compositions
    """
    distinct = lowest(ranked)
    chosen = distinct[:number]
    for formula, group in by_composition(distinct).items():
        if len(set(group[0].numbers)) == 1 and formula not in by_composition(chosen):
            chosen.append(group[0])
    return chosen


def near_hull(ranked: Sequence[Atoms], number: int, window: float = WINDOW) -> list[Atoms]:
    """The lowest distinct structures of each composition that has any within a window above the hull of enthalpies.

    The elements are always among them, and come first: the lowest structure of each is an end of the hull.

    :param ranked: a ranked population; empty where the hull had no ends
    :param number: of each composition, at most
    :param window: eV/atom
    """
    distinct = lowest(ranked)
    if not distinct:
        return []
    heights = {frame.info["id"]: height for frame, height in zip(distinct, hull_distances(distinct), strict=True)}
    near = [frame for frame in distinct if heights[frame.info["id"]] <= window]
    near.sort(key=lambda frame: (len(set(frame.numbers)) > 1, heights[frame.info["id"]], frame.info["rank"]))
    return [frame for group in by_composition(near).values() for frame in group[:number]]
