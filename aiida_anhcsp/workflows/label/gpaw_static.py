"""Label frames with GPAW, under the Python that GPAW is installed for.

This file is an input of the label job and imports nothing of the package:

    python3 gpaw_static.py FRAMES.extxyz SETTINGS.json LABELS.extxyz [START STOP]

SETTINGS.json: ``cutoff`` (plane waves, eV), ``kpoints_spacing`` (1/angstrom, 2 pi included), ``xc``,
``smearing`` (Fermi-Dirac width, eV), ``energy_tolerance`` (eV per valence electron), ``max_iterations``.
One frame is appended to LABELS.extxyz as soon as it is computed, with ``index`` (position in the input) and
``status``: ``ok`` with energy (the free energy, which the forces derive from), forces and stress, or ``failed``
with ``reason``. A second run of the same command computes only what is missing. START and STOP choose the frames
from index START up to, and without, STOP.
"""

import json
import math
import os
import sys
import time

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from gpaw import GPAW, PW, FermiDirac


def kpoint_grid(atoms, spacing):
    """Smallest Gamma-centred grid with at most ``spacing`` (1/angstrom, 2 pi included) between points."""
    reciprocal = 2 * math.pi * np.linalg.norm(np.linalg.inv(atoms.cell[:]).T, axis=1)
    return [max(1, math.ceil(length / spacing - 1e-9)) for length in reciprocal]


def label(atoms, settings):
    """Return energy (eV), forces (eV/angstrom) and stress (eV/angstrom^3, Voigt) of one frame."""
    atoms.calc = GPAW(
        mode=PW(settings["cutoff"]),
        xc=settings["xc"],
        kpts={"size": kpoint_grid(atoms, settings["kpoints_spacing"]), "gamma": True},
        occupations=FermiDirac(settings["smearing"]),
        convergence={"energy": settings["energy_tolerance"]},
        maxiter=settings["max_iterations"],
        symmetry={"point_group": False},
        txt=None,
    )
    energy = atoms.get_potential_energy(force_consistent=True)
    return float(energy), atoms.get_forces(), atoms.get_stress()


def main(frames_file, settings_file, labels_file, start=0, stop=None):
    with open(settings_file) as handle:
        settings = json.load(handle)
    done = set()
    if os.path.exists(labels_file) and os.path.getsize(labels_file):
        done = {int(frame.info["index"]) for frame in read(labels_file, ":")}
    frames = read(frames_file, ":")
    for index in range(int(start), len(frames) if stop is None else int(stop)):
        if index in done:
            continue
        begin, frame = time.time(), frames[index]
        bare = frame.copy()
        bare.info, bare.calc = {"index": index}, None
        for name in set(bare.arrays) - {"numbers", "positions"}:
            del bare.arrays[name]
        try:
            energy, forces, stress = label(bare, settings)
            if not (math.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(stress).all()):
                raise ArithmeticError("GPAW returned a value that is not finite")
            bare.calc = SinglePointCalculator(bare, energy=energy, forces=forces, stress=stress)
            bare.info["status"] = "ok"
        except Exception as error:  # one bad frame must not cost the others their labels
            bare.calc = None
            bare.info.update(status="failed", reason=" ".join(f"{type(error).__name__}: {error}".split())[:300])
        bare.info["seconds"] = round(time.time() - begin, 2)
        write(labels_file, bare, format="extxyz", append=True)
        print(index, bare.info["status"], bare.info["seconds"], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
