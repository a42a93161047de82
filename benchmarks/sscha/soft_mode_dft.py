"""The harmonic soft T1u mode of Im-3m H3S by DFT itself: frozen phonons with the labels' own settings.

The settings are those of the mini model's labels, so that the curve is what the potential of ``soft_mode`` ought to
give; SPACING (1/angstrom) is of other k points. T1u along x has three partners, sulfur, hydrogen along its bonds and
across them: one displaced cell of each, as the structure has inversion. Labels that are there already are not repeated.
Run from the root of the repository:

    python -m benchmarks.sscha.soft_mode_dft [--lattices A,A,...] [--spacing SPACING] [--name NAME]

writes ``benchmarks/sscha/NAME.json``; the folder ``/tmp/NAME`` (or WORK instead of /tmp) keeps the labels.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import GPa, _amu, _c, _e
from numpy.typing import NDArray

from aiida_anhcsp.engine.frames import read_frames, write_frames

from ..mini_model.prototypes import im3m
from .soft_mode import LATTICES, optical, t1u, zero

ROOT = Path(__file__).parents[2]
DISPLACEMENT = 0.02
"""angstrom, of the whole cell's 3N coordinates together"""
EV_PER_AMU_IN_CM = _e / (_amu * 1e-20) / (2 * np.pi * 100 * _c) ** 2
"""Squared frequency (cm^-2) of 1 eV/angstrom^2/amu."""


def main(lattices: list[float], spacing: float | None, name: str) -> None:
    """All lattice constants, then the zero."""
    work = Path(os.environ.get("WORK", "/tmp")) / name
    work.mkdir(parents=True, exist_ok=True)
    frames = [frame for lattice in lattices for frame in frozen(im3m(lattice))]
    write_frames(work / "frames.extxyz", frames)
    labels, settings = work / "labels.extxyz", work / "settings.json"
    chosen = json.loads((ROOT / "benchmarks/mini_model/settings.json").read_text())
    settings.write_text(json.dumps(chosen | ({"kpoints_spacing": spacing} if spacing else {})))
    script = ROOT / "aiida_anhcsp/workflows/gpaw_frames.py"
    subprocess.run(["/usr/bin/python3", script, work / "frames.extxyz", settings, labels], check=True)
    done = sorted(read_frames(labels), key=lambda frame: int(frame.info["index"]))
    points = [point(done[4 * number : 4 * number + 4], lattice) for number, lattice in enumerate(lattices)]
    document = {
        "settings": json.loads(settings.read_text()),
        "points": points,
        "zero": zero(points, "harmonic", "static_pressure"),
    }
    Path(__file__).with_name(f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(document, indent=1))


def partners(atoms: Atoms) -> NDArray[np.float64]:
    """Unit displacements of sulfur, of hydrogen along its bonds and of hydrogen across them, shape (12, 3)."""
    basis = t1u(atoms)
    unit: NDArray[np.float64] = basis / np.linalg.norm(basis, axis=0)
    return unit


def frozen(atoms: Atoms) -> list[Atoms]:
    """The crystal at rest and displaced along each of the three partners."""
    frames = [atoms]
    for partner in partners(atoms).T:
        moved = atoms.copy()
        moved.positions += DISPLACEMENT * partner.reshape(-1, 3)
        frames.append(moved)
    name = f"im3m-{atoms.cell.volume:.2f}"
    for number, frame in enumerate(frames):
        frame.info = {"id": f"{name}-{number}", "parents": name}
    return frames


def point(labelled: list[Atoms], lattice: float) -> dict[str, Any]:
    """Static pressure (GPa) and squared frequencies (cm^-2) from the four labelled cells of a lattice constant."""
    rest, moved = labelled[0], labelled[1:]
    directions = partners(rest)
    changes = np.array([(frame.get_forces() - rest.get_forces()).ravel() for frame in moved])
    constants = -(changes @ directions) / DISPLACEMENT
    roots = np.sqrt(np.repeat(rest.get_masses(), 3))
    matrix = directions @ ((constants + constants.T) / 2) @ directions.T
    squares = EV_PER_AMU_IN_CM * optical(matrix / np.outer(roots, roots), t1u(rest), roots)
    return {
        "lattice_constant": lattice,
        "static_pressure": float(-np.trace(rest.get_stress(voigt=False)) / 3 / GPa),
        "harmonic": float(squares[0]),
        "upper": float(squares[1]),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lattices", default=LATTICES, type=lambda text: [float(a) for a in text.split(",")])
    parser.add_argument("--spacing", type=float)
    parser.add_argument("--name", default="soft_mode_dft")
    main(**vars(parser.parse_args()))
