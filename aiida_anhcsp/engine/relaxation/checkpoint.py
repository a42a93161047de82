"""A run on disk (npz: the bits of every number survive, unlike in extended XYZ)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from .outcome import Outcome
from .run import Run
from .settings import RelaxSettings

BATCHES = ("flight", "optimiser", "volume")
LABELS = ("energy", "forces", "stress")


def fingerprint(frames: Sequence[Atoms], pressure: float, settings: RelaxSettings, identity: str) -> str:
    """Hash of everything a run depends on: a checkpoint of another run is never continued."""
    digest = hashlib.sha256(f"{identity} {pressure!r} {sorted(asdict(settings).items())}".encode())
    for frame in frames:
        for array in (frame.numbers, frame.positions, frame.cell.array, frame.pbc):
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(b";")
    return digest.hexdigest()


def save(run: Run, path: Path, mark: str) -> None:
    """Write the run so that a kill at any moment leaves the old or the new checkpoint."""
    arrays: dict[str, Any] = {"mark": mark, "waiting": run.waiting, "evaluations": run.evaluations}
    for name in BATCHES:
        for key, array in getattr(run, name).arrays().items():
            arrays.update(_flat(f"{name}/{key}", array))
    for index, outcome in run.outcomes.items():
        arrays.update({f"outcomes/{index}/{key}": value for key, value in asdict(outcome).items() if value is not None})
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    os.replace(partial, path)


def restore(run: Run, path: Path, mark: str) -> bool:
    """Put a run where its checkpoint left it; False where there is none of this very run."""
    if not path.is_file():
        return False
    with np.load(path, allow_pickle=False) as stored:
        if str(stored["mark"]) != mark:
            return False
        for name in BATCHES:
            kind = type(getattr(run, name))
            setattr(run, name, kind(**{f.name: _whole(f"{name}/{f.name}", stored) for f in fields(kind)}))
        run.waiting, run.evaluations = int(stored["waiting"]), int(stored["evaluations"])
        run.outcomes = {}
        for key in (key for key in stored.files if key.startswith("outcomes/") and key.endswith("/status")):
            prefix = key.removesuffix("status")
            energy, forces, stress = (
                stored[prefix + label] if prefix + label in stored.files else None for label in LABELS
            )
            run.outcomes[int(prefix.split("/")[1])] = Outcome(
                status=str(stored[key]),  # type: ignore[arg-type]
                reason=str(stored[prefix + "reason"]),
                steps=int(stored[prefix + "steps"]),
                positions=stored[prefix + "positions"],
                cell=stored[prefix + "cell"],
                energy=None if energy is None else float(energy),
                forces=forces,
                stress=stress,
            )
    return True


def _flat(name: str, array: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """An array under its name; an array of matrices (or None) as its length and the matrices, for no pickle."""
    if array.dtype != object:
        return {name: array}
    matrices = {f"{name}/{place}": matrix for place, matrix in enumerate(array) if matrix is not None}
    return {f"{name}/length": np.array(len(array)), **matrices}


def _whole(name: str, stored: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The inverse of :func:`_flat`."""
    if name in stored:
        return stored[name]
    array = np.full(int(stored[f"{name}/length"]), None, dtype=object)
    for place in range(len(array)):
        array[place] = stored.get(f"{name}/{place}")
    return array
