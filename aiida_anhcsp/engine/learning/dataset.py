"""Labelled frames: what may be trained on together, and the split that keeps relatives on one side."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ..errors import InputError
from ..frames import labels_of
from .settings import Split

PARTS = ("train", "validation", "test")
MARK = "split"


def check_labels(frames: Sequence[Atoms], *, stress: bool, argument: str) -> None:
    """Refuse frames that must not be trained on together, or that would spoil a training silently.

    :param stress: whether every frame must carry a stress
    :raises InputError: a missing or non-finite label, a frame without periodicity, or labels of different settings
    """
    needed = ("energy", "forces", "stress") if stress else ("energy", "forces")
    for index, frame in enumerate(frames):
        name = f"frame {index} ({frame.info.get('id', frame.get_chemical_formula())})"
        labels = labels_of(frame)
        missing = [label for label in needed if label not in labels]
        if missing:
            fix = "label it, or leave the frame out"
            if missing == ["stress"]:
                fix = "label it, leave the frame out, or set the stress weight to 0"
            raise InputError(argument, f"{name} has no {' and no '.join(missing)}", fix)
        if not (all(frame.pbc) and frame.cell.rank == 3):
            raise InputError(argument, f"{name} is not periodic in three dimensions", "leave the frame out")
        values = {"position": frame.positions, "cell": frame.cell.array, **labels}
        for label, value in values.items():
            if not np.all(np.isfinite(value)):
                raise InputError(argument, f"{name} has a {label} that is not finite", "leave the frame out")
    settings = {str(frame.info.get("label_settings", "not stated")) for frame in frames}
    if len(settings) > 1:
        raise InputError(
            argument,
            f"labels of different settings are mixed ({', '.join(sorted(settings))})",
            "label all frames with the same settings",
        )


def family_of(frames: Sequence[Atoms]) -> list[str]:
    """The structure each frame descends from by distortion alone, one key per frame.

    A frame with one parent that came by distortion (``operator`` is ``distort`` or not stated) belongs to the
    family of its parent; any other frame founds a family of its own under its ``id``.
    """
    parent = {}
    names = [str(frame.info.get("id", f"frame-{index}")) for index, frame in enumerate(frames)]
    for name, frame in zip(names, frames, strict=True):
        parents = str(frame.info.get("parents", "")).split()
        if len(parents) == 1 and frame.info.get("operator", "distort") == "distort":
            parent[name] = parents[0]
    return [_root(name, parent) for name in names]


def split_by_family(frames: Sequence[Atoms], fractions: Split, seed: int) -> dict[str, list[int]]:
    """Indices of the frames to train on, to validate on and to test on; no family is in two of them.

    Families are ordered by a hash of their key and the seed and dealt out in that order, to test, then to
    validation, then to training, so a family keeps its part, up to the margins, when the dataset grows. With two
    or more families at least one is trained on, and a part asked for gets at least one where enough are there.

    Frames that :func:`dealt` has marked by the same seed keep their part, or are trained on where none of it is asked
    for.

    :return: ``train``, ``validation`` and ``test``, each sorted, together every index once
    """
    wanted = {"test": fractions.test, "validation": fractions.validation}
    families: dict[str, list[int]] = defaultdict(list)
    parts: dict[str, list[int]] = {name: [] for name in PARTS}
    for index, (key, frame) in enumerate(zip(family_of(frames), frames, strict=True)):
        part = part_of(frame, seed)
        if part is None:
            families[key].append(index)
        else:
            parts[part if wanted.get(part) else "train"].append(index)
    order = sorted(families, key=lambda key: hashlib.sha256(f"{seed}/{key}".encode()).hexdigest())
    for name, fraction in wanted.items():
        target = fraction * len(frames)
        while len(order) > 1 and len(parts[name]) < target:
            members = families[order[0]]
            overshoot = len(parts[name]) + len(members) - target
            if parts[name] and overshoot > target - len(parts[name]):
                break
            parts[name] += members
            order.pop(0)
    parts["train"] += [index for key in order for index in families[key]]
    return {name: sorted(parts[name]) for name in PARTS}


def dealt(frames: Sequence[Atoms], earlier: Sequence[Atoms], fractions: Split, seed: int) -> list[Atoms]:
    """Copies of ``frames`` marked, for good, with the part of a split that they belong to.

    The mark, ``SEED:PART`` as ``split`` of the info, holds in every split by this seed, whatever else is there: the
    margins of :func:`split_by_family` move as a dataset grows, or as only some of it is replayed.

    :param earlier: frames marked before: their families keep their part, and the fractions are of all frames together
    """
    keys, known = family_of([*earlier, *frames]), {}
    for key, frame in zip(keys, earlier, strict=False):
        if (part := part_of(frame, seed)) is not None:
            known[key] = part
    marked = [copy_of(frame) for frame in frames]
    for key, frame in zip(keys[len(earlier) :], marked, strict=True):
        frame.info.pop(MARK, None)
        if key in known:
            frame.info[MARK] = f"{seed}:{known[key]}"
    for part, indices in split_by_family([*earlier, *marked], fractions, seed).items():
        for index in indices:
            if index >= len(earlier):
                marked[index - len(earlier)].info.setdefault(MARK, f"{seed}:{part}")
    return marked


def trained_on(frames: Sequence[Atoms], seed: int) -> list[Atoms]:
    """Copies of frames that a potential has learned before, with ids of their own and without ``round``.

    Those that no split by this seed has held out count as trained on.
    """
    copies = []
    for index, frame in enumerate(frames):
        copy = copy_of(frame)
        for key in ("id", "parents"):
            names = str(frame.info.get(key, "")).split()
            if names:
                copy.info[key] = " ".join(f"before-{name}" for name in names)
        copy.info.setdefault("id", f"before-{index:04d}")
        copy.info.pop("round", None)
        copy.info[MARK] = f"{seed}:{part_of(frame, seed) or PARTS[0]}"
        copies.append(copy)
    return copies


def part_of(frame: Atoms, seed: int) -> str | None:
    """The part in which a frame is in all splits by this seed, where it was dealt already."""
    match = re.fullmatch(rf"{seed}:({'|'.join(PARTS)})", str(frame.info.get(MARK, "")))
    return match[1] if match else None


def copy_of(frame: Atoms) -> Atoms:
    """A copy with the same labels, whose info can be changed."""
    copy = frame.copy()
    copy.calc = frame.calc
    return copy


def _root(name: str, parent: dict[str, str]) -> str:
    seen = {name}
    while name in parent and parent[name] not in seen:
        name = parent[name]
        seen.add(name)
    return name
