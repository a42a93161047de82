"""A known structure that a search is to find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ..errors import InputError
from .composition import ratio_of
from .fingerprint import distance, fingerprint
from .rank import lowest
from .settings import SearchSettings


def target_distance(population: Sequence[Atoms], target: Atoms) -> float | None:
    """Least cosine distance of fingerprints between ``target`` and a ranked structure of its formula.

    :param population: a ranked population
    :return: None where no ranked structure has the formula, in any number of units
    """
    formula = ratio_of(target)
    elements = sorted(set(target.symbols))
    same = [frame for frame in lowest(population) if ratio_of(frame) == formula]
    if not same:
        return None
    own = fingerprint(target, elements)
    return float(np.min(distance(own, np.array([fingerprint(frame, elements) for frame in same]))))


def require_target(settings: SearchSettings, target: Atoms, argument: str = "target") -> None:
    """Refuse a target that the search cannot find.

    :raises InputError: no composition of the search has its formula.
    """
    formula = ratio_of(target)
    searched = {ratio_of(Atoms(each.symbols)) for each in settings.compositions()}
    if formula not in searched:
        raise InputError(argument, f"{formula} is not searched for", f"give a structure of {settings.system}")
