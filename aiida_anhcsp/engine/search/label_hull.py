"""The convex hull of what the reference itself says: the lowest labelled structure of each composition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ase import Atoms
from ase.units import GPa

from ..frames import labels_of
from .composition import ratio_of
from .hull import hull_distances
from .near_hull import by_composition


@dataclass(frozen=True)
class LabelledPhase:
    """The labelled structure of lowest enthalpy (eV/atom) of a composition, one of ``labels``; ``distance`` (eV/atom)
    is that from the hull of all of them.
    """

    formula: str
    id: str
    enthalpy: float
    distance: float
    labels: int


def label_hull(frames: Sequence[Atoms], pressure: float) -> list[LabelledPhase]:
    """Hull of the labels, nearest to it first.

    Structures count as they were labelled, most of them distorted and none relaxed by the reference: each enthalpy
    E + PV is an upper bound of its composition's.

    :param frames: labelled structures
    :param pressure: GPa
    :raises InputError: an element has no label of its own.
    """
    lowest, numbers = [], []
    for group in by_composition(frames).values():
        labelled = []
        for frame in group:
            energy = labels_of(frame).get("energy")
            if energy is not None:
                copy = frame.copy()
                copy.info["enthalpy"] = (float(energy) + pressure * GPa * frame.get_volume()) / len(frame)
                labelled.append(copy)
        if labelled:
            lowest.append(min(labelled, key=lambda frame: frame.info["enthalpy"]))
            numbers.append(len(labelled))
    distances = hull_distances(lowest) if lowest else []
    phases = [
        LabelledPhase(
            ratio_of(frame),
            str(frame.info.get("id", "unknown")),
            float(frame.info["enthalpy"]),
            distance,
            number,
        )
        for frame, distance, number in zip(lowest, distances, numbers, strict=True)
    ]
    return sorted(phases, key=lambda phase: (phase.distance, phase.formula))
