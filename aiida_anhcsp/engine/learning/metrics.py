"""How wrong a potential is on labelled frames: root mean square errors by split and by learning round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import GPa
from tabulate import tabulate

from ..frames import labels_of
from ..potentials.base import Evaluation

Errors = dict[str, float]


def errors_of(frames: Sequence[Atoms], evaluations: Sequence[Evaluation]) -> Errors | None:
    """Root mean square errors of the frames that could be evaluated, None where there is none.

    :return: ``energy`` (meV/atom), ``force`` (meV/angstrom, per component), ``stress`` (GPa, per Voigt component,
        absent without stress labels), ``count`` of frames, and ``failed`` where some could not be evaluated
    """
    energy: list[float] = []
    force: list[np.ndarray] = []
    stress: list[np.ndarray] = []
    for frame, evaluation in zip(frames, evaluations, strict=True):
        if evaluation.energy is None or evaluation.forces is None:
            continue
        labels = labels_of(frame)
        energy.append(1e3 * (evaluation.energy - labels["energy"]) / len(frame))
        force.append(1e3 * (evaluation.forces - labels["forces"]).ravel())
        if "stress" in labels and evaluation.stress is not None:
            stress.append((evaluation.stress - labels["stress"]) / GPa)
    if not energy:
        return None
    errors = {"energy": _rms(np.array(energy)), "force": _rms(np.concatenate(force))}
    if stress:
        errors["stress"] = _rms(np.concatenate(stress))
    errors["count"] = len(energy)
    if len(energy) < len(frames):
        errors["failed"] = len(frames) - len(energy)
    return errors


def errors_by_part(
    frames: Sequence[Atoms], evaluations: Sequence[Evaluation], parts: Mapping[str, Sequence[int]]
) -> dict[str, Errors]:
    """Errors of each part that holds a frame; ``parts`` are indices into ``frames``."""
    table = {}
    for name, indices in parts.items():
        errors = errors_of([frames[index] for index in indices], [evaluations[index] for index in indices])
        if errors is not None:
            table[name] = errors
    return table


def errors_by_round(
    frames: Sequence[Atoms],
    before: Sequence[Evaluation] | None,
    after: Sequence[Evaluation],
    held_out: Sequence[int],
) -> dict[str, dict[str, Errors]]:
    """Errors by the learning round a frame was labelled in (``round`` of its info; frames without one are left out).

    ``before`` of the newest round is the error on labels the former model had not seen: the learning curve.
    ``before_held_out`` and ``after_held_out`` count the frames of ``held_out`` only.
    """
    rounds: dict[str, list[int]] = {}
    for index, frame in enumerate(frames):
        if "round" in frame.info:
            rounds.setdefault(str(int(frame.info["round"])), []).append(index)
    outside = set(held_out)
    result = {}
    for name in sorted(rounds, key=int):
        members = rounds[name]
        columns: dict[str, dict[str, Any]] = {}
        if before is not None:
            columns |= errors_by_part(frames, before, {"before": members})
            columns |= errors_by_part(frames, before, {"before_held_out": [i for i in members if i in outside]})
        columns |= errors_by_part(frames, after, {"after": members})
        columns |= errors_by_part(frames, after, {"after_held_out": [i for i in members if i in outside]})
        result[name] = columns
    return result


def old_errors(metrics: Mapping[str, Any], when: str) -> Errors:
    """Errors on held-out structures of round 0, what a potential knew at first; empty where none is held out.

    :param metrics: of a training
    :param when: ``before`` or ``after`` it
    """
    return dict(metrics.get("by_round", {}).get("0", {}).get(f"{when}_held_out", {}))


def forgotten(first: Mapping[str, Any], last: Mapping[str, Any], worsening: float) -> str | None:
    """How a potential, since its first retraining, got worse on what it knew, or None where it did not.

    :param first: metrics of the first retraining, whose ``before`` is the potential as it was found
    :param last: metrics of the last one
    :param worsening: factor by which an error of energy or force may grow
    """
    before, after = old_errors(first, "before"), old_errors(last, "after")
    if not before or not after:
        return None
    for name, unit in (("energy", "meV/atom"), ("force", "meV/angstrom")):
        if after[name] > worsening * before[name]:
            return f"{name} {before[name]:.1f} -> {after[name]:.1f} {unit} on {before['count']} held-out structures"
    return None


def table_of(metrics: Mapping[str, Any]) -> str:
    """Plain table of the errors by split, before and after, as the H3S study's Table I."""
    rows = [
        [when, part, errors["count"], errors["energy"], errors["force"], errors.get("stress")]
        for when in ("before", "after")
        for part, errors in metrics.get(when, {}).items()
    ]
    headers = ["", "split", "frames", "meV/atom", "meV/angstrom", "GPa"]
    return tabulate(rows, headers=headers, floatfmt=("", "", "", ".2f", ".1f", ".3f"))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
