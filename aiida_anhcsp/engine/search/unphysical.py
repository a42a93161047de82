"""Structures that only a wrong potential makes: atoms inside each other, and ghost minima far below all others.

As in the self-optimising searches of Li et al.: they are set aside before the ranking, and labelled to teach the
potential better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.optimize import least_squares

from .composition import ratio_of
from .rank import is_relaxed
from .settings import SearchSettings

STATUS = "unphysical"
STATUSES = frozenset({STATUS, "too_close", "collapsed"})

TOLERANCE = 0.8
"""A relaxed structure may be this much below the minimum distances that new ones are held to."""

GHOST_DEPTH = 1.0
"""eV/atom below the lower tenth of a generation, or the others: no crystal of the same elements is so much better."""

UNRELAXED_DEPTH = 2.0
"""The same in distances of the median from the lower tenth, where that is more, before the relaxations have ended."""

GAP = 2.0
"""A gap below which all are ghosts is this many times as wide as the median lies above it, where that is more."""

FIT_SCALE = 0.1
"""eV/atom: residuals of the fit over compositions beyond this are outliers."""

SMALLEST_GENERATION = 5
"""Relaxed structures below which there is no telling what is usual."""


def is_unphysical(frame: Atoms) -> bool:
    """Whether a frame was set aside, or its relaxation collapsed."""
    return frame.info.get("status") in STATUSES


def set_aside_unphysical(frames: Sequence[Atoms], settings: SearchSettings, at_rest: bool = True) -> list[Atoms]:
    """The relaxed frames in their order; unphysical ones have the status ``unphysical``, a reason and no enthalpy.

    :param frames: a generation after its relaxation
    :param at_rest: whether the relaxations have come to their ends: before that enthalpies lie wide, and a ghost is
        also twice as far below the lower tenth as that is below the median
    """
    table = settings.distance_table()
    table = replace(table, minima={pair: TOLERANCE * distance for pair, distance in table.minima.items()})
    relaxed = [frame for frame in frames if is_relaxed(frame)]
    ghosts = _below_fit(relaxed, settings.elements, at_rest) if settings.variable else _below_alike(relaxed, at_rest)
    judged = []
    for frame in frames:
        reason = ""
        if is_relaxed(frame):
            reason = table.violation(frame)
            if not reason and frame.info["id"] in ghosts:
                reason = f"enthalpy {frame.info['enthalpy']:.3f} eV/atom is far below all others"
        judged.append(_marked(frame, reason) if reason else frame)
    return judged


def _below_alike(relaxed: Sequence[Atoms], at_rest: bool) -> set[str]:
    """Ids of the frames far below those of the same formula: enthalpies of different ones are not to be compared."""
    alike: dict[str, list[Atoms]] = {}
    for frame in relaxed:
        alike.setdefault(ratio_of(frame), []).append(frame)
    ghosts: set[str] = set()
    for group in alike.values():
        if len(group) >= SMALLEST_GENERATION:
            ghosts |= _far_below(group, _enthalpies(group), at_rest)
    return ghosts


def _below_fit(relaxed: Sequence[Atoms], elements: Sequence[str], at_rest: bool) -> set[str]:
    """Ids of the frames far below what the elements in them amount to.

    Few structures of a search over compositions have one formula: what is usual is a fit of the enthalpy, linear in
    the fractions of the elements, in which outliers count no more than in proportion (soft L1). It withstands a fifth
    of ghosts of one composition, but not a third that are all of one element, at the end of the line.
    """
    if len(relaxed) < SMALLEST_GENERATION + len(elements):
        return set()
    symbols = [np.array(frame.get_chemical_symbols()) for frame in relaxed]
    fractions = np.array([[np.mean(each == element) for element in elements] for each in symbols])
    enthalpies = _enthalpies(relaxed)
    start = np.linalg.lstsq(fractions, enthalpies, rcond=None)[0]
    fit = least_squares(lambda x: fractions @ x - enthalpies, start, loss="soft_l1", f_scale=FIT_SCALE)
    return _far_below(relaxed, enthalpies - fractions @ fit.x, at_rest)


def _far_below(frames: Sequence[Atoms], values: NDArray[np.float64], at_rest: bool) -> set[str]:
    """Ids of the ghosts: what lies below a gap, and of the others what is far below their lower tenth."""
    usual = np.sort(values)
    usual = usual[_below_gap(usual) :]
    tenth, median = np.quantile(usual, [0.1, 0.5])
    floor = tenth - (GHOST_DEPTH if at_rest else max(GHOST_DEPTH, UNRELAXED_DEPTH * (median - tenth)))
    return {frame.info["id"] for frame, value in zip(frames, values, strict=True) if value < floor}


def _below_gap(ordered: NDArray[np.float64]) -> int:
    """How many of the ascending values lie below a gap that only ghosts leave: a tenth or more of them set the tenth.

    They are less than half, and leave enough to tell what is usual. The spread of these counts, as the few lowest
    among structures of wide spread lie apart without being ghosts.
    """
    most = min((len(ordered) - 1) // 2, len(ordered) - SMALLEST_GENERATION)
    for number in range(most, 0, -1):
        lowest = ordered[number]
        width = max(GHOST_DEPTH, GAP * (np.median(ordered[number:]) - lowest))
        if lowest - ordered[number - 1] > width:
            return number
    return 0


def _enthalpies(frames: Sequence[Atoms]) -> NDArray[np.float64]:
    return np.array([float(frame.info["enthalpy"]) for frame in frames])


def _marked(frame: Atoms, reason: str) -> Atoms:
    marked = frame.copy()
    marked.info.pop("enthalpy", None)
    marked.info.update(status=STATUS, reason=reason)
    return marked
