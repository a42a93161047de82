"""Fitness and rank of a population."""

from __future__ import annotations

from collections.abc import Sequence

from ase import Atoms

from ..errors import InputError
from .duplicates import find_duplicates
from .hull import hull_distances
from .settings import DuplicateRule, SearchSettings

RELAXED = ("converged", "max_steps")
RANKING_KEYS = ("rank", "fitness", "duplicate_of")


def is_relaxed(frame: Atoms) -> bool:
    """Whether a frame came out of its relaxation with an enthalpy."""
    return frame.info.get("status") in RELAXED and "enthalpy" in frame.info


def rank(population: Sequence[Atoms], settings: SearchSettings | None = None) -> list[Atoms]:
    """The population in its order, each frame with what it is worth in its info.

    ``fitness`` (relaxed frames) is the enthalpy in eV/atom, or in a search over compositions the distance from the
    convex hull, eV/atom; lower is better. ``duplicate_of`` is the id of the lowest frame that is the same structure;
    ``rank`` counts the distinct ones from 1, the lowest. Frames that failed get none of these, and what an earlier
    ranking said is replaced. As long as an element of a search over compositions has no relaxed structure there is no
    hull, and no frame gets any.

    :param settings: for its ``duplicates`` rule and whether the composition varies; the default rule without
    :raises InputError: frames without an id, or two with the same.
    """
    ids = [frame.info.get("id") for frame in population]
    if None in ids or len(set(ids)) < len(ids):
        raise InputError("POPULATION", "ids are missing or not unique", "rank a population that a search made")
    frames = [_unranked(frame) for frame in population]
    relaxed = [frame for frame in frames if is_relaxed(frame)]
    if settings is not None and settings.variable:
        if missing_elements(relaxed, settings):
            return frames
        fitness = hull_distances(relaxed)
    else:
        fitness = [float(frame.info["enthalpy"]) for frame in relaxed]
    for frame, value in zip(relaxed, fitness, strict=True):
        frame.info["fitness"] = value
    duplicates = find_duplicates(relaxed, settings.duplicates if settings else DuplicateRule())
    place = 0
    for frame in sorted(relaxed, key=lambda frame: (frame.info["fitness"], frame.info["enthalpy"], frame.info["id"])):
        if frame.info["id"] in duplicates:
            frame.info["duplicate_of"] = duplicates[frame.info["id"]]
        else:
            place += 1
            frame.info["rank"] = place
    return frames


def missing_elements(frames: Sequence[Atoms], settings: SearchSettings) -> list[str]:
    """Elements of the search that none of the frames consists of alone: the hull would have no reference."""
    alone = {frame.symbols[0] for frame in frames if len(set(frame.numbers)) == 1}
    return [element for element in settings.elements if element not in alone]


def lowest(population: Sequence[Atoms], number: int | None = None) -> list[Atoms]:
    """The distinct structures of a ranked population, lowest first, at most ``number`` of them."""
    ranked = sorted((frame for frame in population if "rank" in frame.info), key=lambda frame: frame.info["rank"])
    return ranked[:number]


def _unranked(frame: Atoms) -> Atoms:
    copy = frame.copy()
    copy.calc = frame.calc
    for key in RANKING_KEYS:
        copy.info.pop(key, None)
    return copy
