"""Fitness and rank of a population."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points

import numpy as np
from ase import Atoms

from ..errors import InputError
from .duplicates import find_duplicates
from .hull import hull_distances
from .settings import ENTHALPY, FITNESS_GROUP, GIBBS, HULL_DISTANCE, DuplicateRule, SearchSettings

RELAXED = ("converged", "max_steps")
RANKING_KEYS = ("rank", "fitness", "duplicate_of")
FREE_ENERGY = "gibbs_free_energy"


def is_relaxed(frame: Atoms) -> bool:
    """Whether a frame came out of its relaxation with an enthalpy."""
    return frame.info.get("status") in RELAXED and "enthalpy" in frame.info


def energy_key(settings: SearchSettings | None) -> str:
    """What two structures must share to be the same: Gibbs free energy where that ranks, else enthalpy."""
    return FREE_ENERGY if settings is not None and settings.ranked_by == GIBBS else ENTHALPY


def competes(frame: Atoms, settings: SearchSettings | None) -> bool:
    """Whether a frame was relaxed and has what it is ranked by."""
    return is_relaxed(frame) and energy_key(settings) in frame.info


def rank(population: Sequence[Atoms], settings: SearchSettings | None = None) -> list[Atoms]:
    """The population in its order, each frame with what it is worth in its info.

    ``fitness`` (relaxed frames) is the enthalpy in eV/atom, in a search over compositions the distance from the
    convex hull, eV/atom, or else what the settings name; lower is better. ``duplicate_of`` is the id of the lowest
    frame that is the same structure; ``rank`` counts the distinct ones from 1, the lowest. Frames that failed, or have
    no free energy where that ranks, get none of these, and what an earlier ranking said is replaced. As long as an
    element of a search over compositions has no relaxed structure there is no hull, and no frame gets any.

    :param settings: for its ``duplicates`` rule and its fitness; the default rule and enthalpy without
    :raises InputError: frames without an id, or two with the same, or a fitness function of the user's that does not
        give one finite number for each frame.
    """
    ids = [frame.info.get("id") for frame in population]
    if None in ids or len(set(ids)) < len(ids):
        raise InputError("POPULATION", "ids are missing or not unique", "rank a population that a search made")
    frames = [_unranked(frame) for frame in population]
    relaxed = [frame for frame in frames if competes(frame, settings)]
    if settings is not None and settings.variable and missing_elements(relaxed, settings):
        return frames
    for frame, value in zip(relaxed, fitness_of(relaxed, settings), strict=True):
        frame.info["fitness"] = value
    duplicates = find_duplicates(relaxed, settings.duplicates if settings else DuplicateRule(), energy_key(settings))
    place = 0
    for frame in sorted(relaxed, key=lambda frame: (frame.info["fitness"], frame.info["enthalpy"], frame.info["id"])):
        if frame.info["id"] in duplicates:
            frame.info["duplicate_of"] = duplicates[frame.info["id"]]
        else:
            place += 1
            frame.info["rank"] = place
    return frames


def fitness_of(relaxed: Sequence[Atoms], settings: SearchSettings | None) -> list[float]:
    """Fitness of each of these frames, lower is better.

    A user's own function, named by an entry point of the group ``anhcsp.fitness``, takes the relaxed frames and gives a
    number for each.

    :raises InputError: such a function does not give one finite number for each frame.
    """
    name = ENTHALPY if settings is None else settings.ranked_by
    if name in (ENTHALPY, GIBBS):
        return [float(frame.info[energy_key(settings)]) for frame in relaxed]
    if name == HULL_DISTANCE:
        return hull_distances(relaxed)
    (entry,) = entry_points(group=FITNESS_GROUP, name=name)
    values = [float(value) for value in entry.load()([frame.copy() for frame in relaxed])]
    if len(values) != len(relaxed) or not np.isfinite(values).all():
        problem = f"{entry.value} gave {len(values)} numbers, {int(np.isfinite(values).sum())} of them finite"
        raise InputError("fitness", f"{problem}, for {len(relaxed)} structures", "let it give one for each")
    return values


def missing_elements(frames: Sequence[Atoms], settings: SearchSettings) -> list[str]:
    """Elements of the search that none of the frames consists of alone: the hull would have no reference."""
    alone = {frame.symbols[0] for frame in frames if len(set(frame.numbers)) == 1}
    return [element for element in settings.elements if element not in alone]


def unranked(population: Sequence[Atoms], settings: SearchSettings) -> str | None:
    """Why no structure of a population has a rank, to be read; None where one has."""
    if lowest(population, 1):
        return None
    relaxed = [frame for frame in population if competes(frame, settings)]
    if not relaxed:
        return f"all {len(population)} structures failed"
    elements = " or ".join(missing_elements(relaxed, settings))
    return f"no structure of {elements} alone, without which nothing is ranked over compositions"


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
