"""Labelled datasets merged, filtered, rid of what is there twice. Frames keep their labels and origin."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ..errors import InputError
from ..frames import labels_of
from ..search.composition import ratio_of
from .dataset import check_labels, copy_of

DECIMALS = 5
"""angstrom; frames that agree to so many decimals are one."""


def merge(datasets: Sequence[Sequence[Atoms]], argument: str = "DATASET") -> list[Atoms]:
    """All frames, one dataset after the other; equal ids of different frames get a suffix, ``#2`` on.

    :raises InputError: labels of different settings, or a missing or non-finite energy or force
    """
    frames = [copy_of(frame) for dataset in datasets for frame in dataset]
    check_labels(frames, stress=False, argument=argument)
    taken: Counter[str] = Counter()
    for frame in frames:
        identity = str(frame.info.get("id", "frame"))
        taken[identity] += 1
        if taken[identity] > 1:
            frame.info["id"] = f"{identity}#{taken[identity]}"
    return frames


def without_duplicates(frames: Sequence[Atoms]) -> list[Atoms]:
    """The first of each set of equal frames: same atoms, cell and positions, in this order and setting."""
    seen: set[str] = set()
    kept = []
    for frame in frames:
        key = geometry_hash(frame)
        if key not in seen:
            seen.add(key)
            kept.append(frame)
    return kept


def filtered(
    frames: Sequence[Atoms],
    *,
    largest_force: float | None = None,
    energy_window: float | None = None,
    elements: Sequence[str] | None = None,
    pressure: tuple[float, float] | None = None,
) -> list[Atoms]:
    """Frames that pass every test that is asked for.

    :param largest_force: eV/angstrom, on any atom
    :param energy_window: eV/atom above the lowest frame of the same reduced composition
    :param elements: a frame must consist of these
    :param pressure: GPa, lower and upper bound of ``info['pressure']``; frames without it are left out
    """
    lowest: dict[str, float] = {}
    for frame in frames:
        key = ratio_of(frame)
        lowest[key] = min(lowest.get(key, np.inf), _energy(frame))
    kept = []
    for frame in frames:
        force = float(np.linalg.norm(labels_of(frame)["forces"], axis=1).max())
        if largest_force is not None and force > largest_force:
            continue
        if energy_window is not None and _energy(frame) - lowest[ratio_of(frame)] > energy_window:
            continue
        if elements is not None and not set(frame.symbols) <= set(elements):
            continue
        if pressure is not None and not pressure[0] <= float(frame.info.get("pressure", np.nan)) <= pressure[1]:
            continue
        kept.append(frame)
    return kept


def require_origin(frames: Sequence[Atoms], origin: str, settings: str, argument: str = "--origin") -> list[Atoms]:
    """Copies of frames that another program labelled, marked with the code and the settings of their labels.

    :param origin: the code, whose own reference the energies have, such as ``vasp``
    :param settings: hash or name of its settings; frames of different ones are never mixed
    :raises InputError: a frame says already that its labels are of another origin or of other settings
    """
    marked = []
    for frame in frames:
        for key, value in (("label_origin", origin), ("label_settings", settings)):
            if str(frame.info.get(key, value)) != value:
                raise InputError(
                    argument, f"the file says {key} {frame.info[key]}, not {value}", "leave the option out"
                )
        copy = copy_of(frame)
        copy.info |= {"label_origin": origin, "label_settings": settings}
        marked.append(copy)
    return marked


def geometry_hash(frame: Atoms) -> str:
    """Equal for frames with equal atoms, cell and positions, to :data:`DECIMALS`."""
    digest = hashlib.sha256(frame.numbers.astype(np.int64).tobytes())
    for array in (frame.cell.array, frame.positions):
        digest.update((np.round(array, DECIMALS) + 0.0).tobytes())
    return digest.hexdigest()


def _energy(frame: Atoms) -> float:
    return float(labels_of(frame)["energy"]) / len(frame)
