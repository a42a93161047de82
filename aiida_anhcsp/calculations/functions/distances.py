"""Bond lengths that a ranking tells."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

DISTANCE_STEP = 0.01
"""Distances closer than this (angstrom) count as one."""


def shortest_distances(atoms: Atoms, number: int = 2, cutoff: float = 4.0) -> dict[str, list[float]]:
    """The shortest distinct distances of each pair of unlike elements (of like ones in an element), in angstrom.

    :param cutoff: longest distance considered
    """
    symbols = np.array(atoms.get_chemical_symbols())
    first, second, distances = neighbor_list("ijd", atoms, cutoff)
    elements = sorted(set(symbols))
    pairs = list(itertools.combinations(elements, 2)) or [(elements[0], elements[0])]
    return {f"{a}-{b}": _distinct(distances[(symbols[first] == a) & (symbols[second] == b)], number) for a, b in pairs}


def _distinct(distances: Any, number: int) -> list[float]:
    kept: list[float] = []
    for distance in np.sort(distances):
        if len(kept) < number and (not kept or distance - kept[-1] > DISTANCE_STEP):
            kept.append(round(float(distance), 4))
    return kept
