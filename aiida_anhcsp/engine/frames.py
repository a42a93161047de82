"""Frames on disk: extended XYZ as the engine's contract has it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase.units import GPa

from .errors import InputError

LABELS = ("energy", "forces", "stress")


def read_frames(path: str | Path, argument: str = "IN.extxyz") -> list[Atoms]:
    """Read all frames of an extended XYZ file (any format ASE knows by its suffix is taken too).

    :raises InputError: the file is missing, empty or unreadable.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(argument, f"no file {path}", "give the path of an extended XYZ file")
    try:
        frames = read(path, index=":")
    except Exception as error:
        raise InputError(argument, f"{path} cannot be read ({error})", "give a valid extended XYZ file") from error
    if not frames:
        raise InputError(argument, f"{path} holds no frame", "give at least one structure")
    return list(frames)


def write_frames(path: str | Path, frames: Iterable[Atoms], append: bool = False) -> None:
    """Write frames with their labels; keys that are None or empty are left out (the format would garble them)."""
    write(path, [_writable(frame) for frame in frames], format="extxyz", append=append)


def through_text(frames: Iterable[Atoms]) -> list[Atoms]:
    """The frames as the next command would read them: the format keeps 8 decimals of a position."""
    frames = list(frames)
    if not frames:
        return []
    text = io.StringIO()
    write(text, [_writable(frame) for frame in frames], format="extxyz")
    text.seek(0)
    return list(read(text, index=":", format="extxyz"))


def labels_of(frame: Atoms) -> dict[str, Any]:
    """Labels a frame carries: ``energy`` (eV), ``forces`` (n, 3) eV/angstrom, ``stress`` (6,) eV/angstrom^3."""
    if frame.calc is None:
        return {}
    return {name: frame.calc.results[name] for name in LABELS if name in frame.calc.results}


def labelled_enthalpy(frame: Atoms, pressure: float) -> float:
    """(E + PV) / N of a labelled frame, eV/atom; the pressure in GPa."""
    return (float(labels_of(frame)["energy"]) + pressure * GPa * frame.get_volume()) / len(frame)


def with_labels(
    frame: Atoms, energy: float, forces: np.ndarray, stress: np.ndarray | None = None, **info: Any
) -> Atoms:
    """Copy of ``frame`` that carries the labels (units as in :func:`labels_of`) and the ``info`` given."""
    labelled = bare(frame)
    labelled.info.update(info)
    labels: dict[str, Any] = {"energy": float(energy), "forces": np.asarray(forces, dtype=float)}
    if stress is not None:
        labels["stress"] = np.asarray(stress, dtype=float)
    labelled.calc = SinglePointCalculator(labelled, **labels)
    return labelled


def bare(frame: Atoms) -> Atoms:
    """Copy of ``frame`` with its info and without labels, constraints or extra per-atom arrays."""
    copy = Atoms(numbers=frame.numbers, positions=frame.positions, cell=frame.cell, pbc=frame.pbc)
    copy.info = dict(frame.info)
    return copy


def _writable(frame: Atoms) -> Atoms:
    labels = labels_of(frame)
    copy = bare(frame)
    copy.info = {key: value for key, value in frame.info.items() if not _is_empty(value)}
    if labels:
        copy.calc = SinglePointCalculator(copy, **labels)
    return copy


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value) or np.size(value) == 0
