"""The convex hull of what the reference itself says: the lowest labelled structure of each composition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ase import Atoms

from ..errors import InputError
from ..frames import bare, labelled_enthalpy, labels_of
from .composition import ratio_of
from .duplicates import find_duplicates
from .hull import ON_HULL, hull_distances
from .identical import SAME_SHAPE
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
    return sorted((phase for phase, _ in _phases(frames, pressure)), key=lambda phase: (phase.distance, phase.formula))


def labelled_on_hull(frames: Sequence[Atoms], pressure: float, known: Sequence[Atoms] = ()) -> list[Atoms]:
    """The labelled structures that are the phases of their hull, without their labels; none where there is no hull.

    A potential that ranks them higher than the reference would leave them out, and a hull without the lowest structure
    of an element that the reference has seen makes every compound look too stable.

    :param frames: labelled structures, one id more than once if a structure was labelled in several rounds
    :param pressure: GPa
    :param known: structures with ``id`` and ``enthalpy``; what is one of these in shape and volume is left out
    :return: each with an ``id`` of its own: that of the label, unless a known structure has it or there is none
    """
    try:
        found = [(phase, bare(frame)) for phase, frame in _phases(frames, pressure) if phase.distance < ON_HULL]
    except InputError:
        return []
    taken = {other.info["id"] for other in known}
    for phase, frame in found:
        if frame.info.get("id") is None or frame.info["id"] in taken:
            frame.info["id"] = f"label-{phase.formula}"
    return [frame for _, frame in found if not any(find_duplicates([frame, other], SAME_SHAPE) for other in known)]


def _phases(frames: Sequence[Atoms], pressure: float) -> list[tuple[LabelledPhase, Atoms]]:
    """The phase of each composition and its structure, with ``enthalpy``."""
    groups = list(by_composition(_with_enthalpies(frames, pressure)).values())
    lowest = [min(group, key=_enthalpy) for group in groups]
    distances = hull_distances(lowest) if lowest else []
    found = []
    for frame, distance, group in zip(lowest, distances, groups, strict=True):
        name = str(frame.info.get("id", "unknown"))
        found.append((LabelledPhase(ratio_of(frame), name, _enthalpy(frame), distance, len(group)), frame))
    return found


def _with_enthalpies(frames: Sequence[Atoms], pressure: float) -> list[Atoms]:
    labelled = []
    for frame in frames:
        if "energy" in labels_of(frame):
            copy = frame.copy()
            copy.info["enthalpy"] = labelled_enthalpy(frame, pressure)
            labelled.append(copy)
    return labelled


def _enthalpy(frame: Atoms) -> float:
    return float(frame.info["enthalpy"])
