"""Label or relax frames with GPAW, under the Python that GPAW is installed for.

This file is an input of the jobs and imports nothing of the package:

    python3 gpaw_frames.py FRAMES.extxyz SETTINGS.json RESULT.extxyz [START STOP]

SETTINGS.json: ``cutoff`` (plane waves, eV), ``kpoints_spacing`` (1/angstrom, 2 pi included), ``xc``,
``smearing`` (Fermi-Dirac width, eV), ``energy_tolerance`` (eV per valence electron), ``max_iterations``, and for a
calculation with spin ``magnetic_moment`` (of each atom to begin with, Bohr magnetons). With ``fmax``
(eV/angstrom, forces and the cell's) frames are relaxed at ``pressure`` (GPa) in at most ``max_steps``, with the k-point
grid of the first cell.
One frame is appended to RESULT.extxyz as soon as it is done, with ``index`` (position in the input) and ``status``:
``ok``, or after a relaxation ``converged`` or ``max_steps`` and ``steps``, with energy (the free energy, which the
forces derive from), forces and stress; or ``failed`` with ``reason``. A second run of the same command computes only
what is missing. START and STOP choose the frames from index START up to, and without, STOP.
"""

import json
import math
import os
import sys
import time

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


def empty_bands(atoms):
    """Bands beyond the occupied ones, as GPAW's own number stops at the bound states of the free atoms.

    A metal whose d states come down under pressure would be left without any: calcium at 300 GPa does not converge,
    and lies 1 eV too high.
    """
    return 4 + int(np.count_nonzero(atoms.numbers > 1))


def calculator(atoms, settings):
    """PBE or another functional in plane waves, without point-group symmetry."""
    return GPAW(
        mode=PW(settings["cutoff"]),
        nbands=-empty_bands(atoms),
        xc=settings["xc"],
        kpts={"size": kpoint_grid(atoms, settings["kpoints_spacing"]), "gamma": True},
        occupations=FermiDirac(settings["smearing"]),
        convergence={"energy": settings["energy_tolerance"]},
        maxiter=settings["max_iterations"],
        symmetry={"point_group": False},
        txt=None,
    )


def relax(atoms, settings):
    """Relax one frame in place; return its status and the number of steps."""
    optimiser = BFGS(ExpCellFilter(atoms, scalar_pressure=settings["pressure"] * GPa), logfile="-", maxstep=0.1)
    converged = optimiser.run(fmax=settings["fmax"], steps=settings["max_steps"])
    return {"status": "converged" if converged else "max_steps", "steps": optimiser.get_number_of_steps()}


def computed(frame, index, settings):
    """The frame that says what GPAW made of ``frame``."""
    begin, bare = time.time(), frame.copy()
    bare.info = {"index": index}
    for name in set(bare.arrays) - {"numbers", "positions"}:
        del bare.arrays[name]
    if "magnetic_moment" in settings:
        bare.set_initial_magnetic_moments([settings["magnetic_moment"]] * len(bare))
    try:
        bare.calc = calculator(bare, settings)
        bare.info.update(relax(bare, settings) if "fmax" in settings else {"status": "ok"})
        energy = float(bare.get_potential_energy(force_consistent=True))
        labels = {"energy": energy, "forces": bare.get_forces(), "stress": bare.get_stress()}
        if not all(np.isfinite(value).all() for value in labels.values()):
            raise ArithmeticError("GPAW returned a value that is not finite")
        bare.calc = SinglePointCalculator(bare, **labels)
    except Exception as error:  # one bad frame must not cost the others theirs
        bare.calc = None
        bare.info.update(status="failed", reason=" ".join(f"{type(error).__name__}: {error}".split())[:300])
    bare.info["seconds"] = round(time.time() - begin, 2)
    return bare


def main(frames_file, settings_file, result_file, start=0, stop=None):
    with open(settings_file) as handle:
        settings = json.load(handle)
    done = set()
    if os.path.exists(result_file) and os.path.getsize(result_file):
        done = {int(frame.info["index"]) for frame in read(result_file, ":")}
    frames = read(frames_file, ":")
    for index in range(int(start), len(frames) if stop is None else int(stop)):
        if index not in done:
            end = computed(frames[index], index, settings)
            write(result_file, end, format="extxyz", append=True)
            print(index, end.info["status"], end.info["seconds"], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
