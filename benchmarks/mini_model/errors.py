"""Errors of a model by split, near the lowest enthalpy and above: ``errors.py DATASET.extxyz MODEL_DIR OUT.json``.

A frame is near when its PBE enthalpy is at most 0.5 eV/atom above the lowest of the dataset at its pressure.
"""

import json
import sys
from pathlib import Path

import numpy as np
from ase.units import GPa

from aiida_anhcsp.engine.frames import labels_of, read_frames
from aiida_anhcsp.engine.potentials import load_potential

WINDOW = 0.5


def rms(values: list[np.ndarray]) -> float:
    """Root mean square over all components."""
    return float(np.sqrt(np.mean(np.concatenate([np.ravel(value) for value in values]) ** 2)))


def main(dataset: str, model: str, output: str) -> None:
    frames = read_frames(dataset)
    split = json.loads((Path(model) / "metrics.json").read_text())["split"]
    evaluations = load_potential(f"mattersim:{Path(model) / 'model.pth'}").evaluate(frames)
    sizes = np.array([len(frame) for frame in frames])
    energies = np.array([labels_of(frame)["energy"] for frame in frames]) / sizes
    volumes = np.array([frame.get_volume() for frame in frames]) / sizes
    above = []
    for index, frame in enumerate(frames):
        enthalpies = energies + float(frame.info["pressure"]) * GPa * volumes
        above.append(enthalpies[index] - enthalpies.min())
    table: dict[str, dict[str, dict[str, float]]] = {}
    for part, members in split.items():
        for name, wanted in (("near", True), ("above", False)):
            chosen = [index for index in members if (above[index] <= WINDOW) == wanted]
            labels = [labels_of(frames[index]) for index in chosen]
            values = [evaluations[index] for index in chosen]
            pairs = list(zip(values, labels, chosen, strict=True))
            table.setdefault(part, {})[name] = {
                "frames": len(chosen),
                "energy_meV_per_atom": 1e3 * rms([np.array(v.energy - x["energy"]) / sizes[i] for v, x, i in pairs]),
                "force_meV_per_angstrom": 1e3 * rms([v.forces - x["forces"] for v, x, _ in pairs]),
                "stress_GPa": rms([v.stress - x["stress"] for v, x, _ in pairs]) / GPa,
            }
    Path(output).write_text(json.dumps(table, indent=1) + "\n")
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
