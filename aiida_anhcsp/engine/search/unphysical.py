"""Structures that only a wrong potential makes: atoms inside each other, and ghost minima far below all others.

As in the self-optimising searches of Li et al.: they are set aside before the ranking, and labelled to teach the
potential better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms

from .rank import is_relaxed
from .settings import SearchSettings

STATUS = "unphysical"
STATUSES = frozenset({STATUS, "too_close", "collapsed"})

TOLERANCE = 0.8
"""A relaxed structure may be this much below the minimum distances that new ones are held to."""

GHOST_DEPTH = 1.0
"""eV/atom below the lower tenth of a generation: no crystal of the same elements is that much better."""

SMALLEST_GENERATION = 5
"""Relaxed structures below which there is no telling what is usual."""


def is_unphysical(frame: Atoms) -> bool:
    """Whether a frame was set aside, or its relaxation collapsed."""
    return frame.info.get("status") in STATUSES


def set_aside_unphysical(frames: Sequence[Atoms], settings: SearchSettings) -> list[Atoms]:
    """The relaxed frames in their order; unphysical ones have the status ``unphysical``, a reason and no enthalpy.

    :param frames: a generation after its relaxation
    """
    table = settings.distance_table()
    table = replace(table, minima={pair: TOLERANCE * distance for pair, distance in table.minima.items()})
    alike: dict[str, list[float]] = {}
    for frame in frames:
        if is_relaxed(frame):
            alike.setdefault(_ratio(frame), []).append(float(frame.info["enthalpy"]))
    floors = {
        ratio: float(np.quantile(enthalpies, 0.1)) - GHOST_DEPTH
        for ratio, enthalpies in alike.items()
        if len(enthalpies) >= SMALLEST_GENERATION
    }
    judged = []
    for frame in frames:
        reason = ""
        if is_relaxed(frame):
            reason = table.violation(frame)
            if not reason and frame.info["enthalpy"] < floors.get(_ratio(frame), -np.inf):
                reason = f"enthalpy {frame.info['enthalpy']:.3f} eV/atom is far below all others"
        judged.append(_marked(frame, reason) if reason else frame)
    return judged


def _ratio(frame: Atoms) -> str:
    """The formula with the smallest numbers: enthalpies per atom of different ones are not to be compared."""
    return str(frame.symbols.formula.reduce()[0].format("hill"))


def _marked(frame: Atoms, reason: str) -> Atoms:
    marked = frame.copy()
    marked.info.pop("enthalpy", None)
    marked.info.update(status=STATUS, reason=reason)
    return marked
