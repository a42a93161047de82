"""Relax frames with GPAW, under the Python that GPAW is installed for.

This file is an input of the relaxation job and imports nothing of the package:

    python3 gpaw_relax.py FRAMES.extxyz SETTINGS.json RELAXED.extxyz [START STOP]

SETTINGS.json: ``pressure`` (GPa), ``fmax`` (eV/angstrom, forces and the cell's), ``max_steps``, and those of the
labels: ``cutoff`` (eV), ``kpoints_spacing`` (1/angstrom, 2 pi included), ``xc``, ``smearing`` (eV),
``energy_tolerance`` (eV per valence electron), ``max_iterations``. The k-point grid is that of the first cell.
One frame is appended to RELAXED.extxyz as soon as it is done, with ``index`` (position in the input), ``steps`` and
``status``: ``converged`` or ``max_steps`` with energy (free), forces and stress, or ``failed`` with ``reason``.
START and STOP choose the frames from index START up to, and without, STOP.
"""

import json
import math
import sys

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import ExpCellFilter
from ase.io import read, write
from ase.optimize import BFGS
from ase.units import GPa
from gpaw import GPAW, PW, FermiDirac


def kpoint_grid(atoms, spacing):
    """Smallest Gamma-centred grid with at most ``spacing`` (1/angstrom, 2 pi included) between points."""
    reciprocal = 2 * math.pi * np.linalg.norm(np.linalg.inv(atoms.cell[:]).T, axis=1)
    return [max(1, math.ceil(length / spacing - 1e-9)) for length in reciprocal]


def relax(atoms, settings):
    """Relax one frame in place; return its status and the number of steps."""
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
    optimiser = BFGS(ExpCellFilter(atoms, scalar_pressure=settings["pressure"] * GPa), logfile="-", maxstep=0.1)
    converged = optimiser.run(fmax=settings["fmax"], steps=settings["max_steps"])
    return "converged" if converged else "max_steps", optimiser.get_number_of_steps()


def relaxed(frame, index, settings):
    """The frame that says how the relaxation of ``frame`` ended."""
    bare = frame.copy()
    bare.info, bare.calc = {"index": index}, None
    for name in set(bare.arrays) - {"numbers", "positions"}:
        del bare.arrays[name]
    try:
        bare.info["status"], bare.info["steps"] = relax(bare, settings)
        energy = float(bare.get_potential_energy(force_consistent=True))
        labels = {"energy": energy, "forces": bare.get_forces(), "stress": bare.get_stress()}
        if not all(np.isfinite(value).all() for value in labels.values()):
            raise ArithmeticError("GPAW returned a value that is not finite")
        bare.calc = SinglePointCalculator(bare, **labels)
    except Exception as error:  # one bad frame must not cost the others their relaxation
        bare.calc = None
        bare.info.update(status="failed", reason=" ".join(f"{type(error).__name__}: {error}".split())[:300])
    return bare


def main(frames_file, settings_file, relaxed_file, start=0, stop=None):
    with open(settings_file) as handle:
        settings = json.load(handle)
    frames = read(frames_file, ":")
    for index in range(int(start), len(frames) if stop is None else int(stop)):
        end = relaxed(frames[index], index, settings)
        write(relaxed_file, end, format="extxyz", append=True)
        print(index, end.info["status"], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
