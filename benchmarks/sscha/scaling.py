"""Where the time of SSCHA goes as the supercell grows: forces, a minimisation step and the free-energy Hessian.

Im-3m H3S in supercells of 32 to 256 atoms, the mini model, 100 configurations a population, harmonic matrices with a
floor. CPU times of one process with one thread. Run from the root of the repository:
``OMP_NUM_THREADS=1 python -m benchmarks.sscha.scaling [hessian] [ATOMS ...]`` times the forces and the step or, with
``hessian``, the Hessian; writes ``benchmarks/sscha/scaling.json``, in which the sizes named replace their own numbers.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from ase import Atoms  # noqa: E402
from ase.build import make_supercell  # noqa: E402
from sscha.SchaMinimizer import SSCHA_Minimizer  # noqa: E402

from aiida_anhcsp.engine.potentials import load_potential  # noqa: E402
from aiida_anhcsp.engine.sscha.dynamics import harmonic, raise_floor, to_structure  # noqa: E402
from aiida_anhcsp.engine.sscha.ensemble import draw, evaluate  # noqa: E402

from ..mini_model.prototypes import im3m  # noqa: E402
from .calibration import silence  # noqa: E402

LATTICE = 2.98
CONFIGURATIONS = 100
HESSIAN_CONFIGURATIONS = 20
FACE_CENTRED = np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2]])
"""Of the primitive cell of Im-3m: the four-fold cell with the lattice of a face-centred cube."""
CELLS = {
    32: (np.eye(3, dtype=int), (2, 2, 2)),
    64: (np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]), (2, 2, 2)),
    108: (np.eye(3, dtype=int), (3, 3, 3)),
    128: (FACE_CENTRED, (2, 2, 2)),
    256: (np.eye(3, dtype=int), (4, 4, 4)),
}
"""By atoms of the supercell: the cell in multiples of the primitive one, and its supercell."""


def main(hessian: bool, sizes: Sequence[int]) -> None:
    """Measure, print and write."""
    torch.set_num_threads(1)
    file = Path(__file__).with_suffix(".json")
    document: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.is_file() else {}
    for size in sizes:
        row = measure_hessian(size) if hessian else measure_step(size)
        document[str(size)] = {**document.get(str(size), {}), **row}
        print(size, row, flush=True)
        ordered = {key: document[key] for key in sorted(document, key=int)}
        file.write_text(json.dumps(ordered, indent=2) + "\n")


def measure_step(size: int) -> dict[str, Any]:
    """CPU seconds of a population's forces, of one step of the minimisation, and of what that consists of."""
    ensemble, labelling = population(size, CONFIGURATIONS)
    minimiser = SSCHA_Minimizer(ensemble, root_representation="normal")
    minimiser.set_minimization_step(0.1)
    minimiser.max_ka = 1
    with silence():
        minimiser.init()
        gradient = seconds(lambda: ensemble.get_preconditioned_gradient_parallel(True, True, preconditioned=1))
        symmetrise = seconds(ensemble.current_dyn.Copy().Symmetrize)
        step = seconds(minimiser.run) / len(minimiser.__gc__)
    return {
        "cell_atoms": ensemble.dyn_0.structure.N_atoms,
        "supercell": list(CELLS[size][1]),
        "configurations": CONFIGURATIONS,
        "forces_seconds": labelling,
        "gradient_seconds": gradient,
        "symmetrise_seconds": symmetrise,
        "step_seconds": step,
    }


def measure_hessian(size: int) -> dict[str, Any]:
    """CPU seconds of the Hessian without the fourth order."""
    ensemble, _ = population(size, HESSIAN_CONFIGURATIONS)
    with silence():
        spent = seconds(lambda: ensemble.get_free_energy_hessian(include_v4=False))
    return {"hessian_configurations": HESSIAN_CONFIGURATIONS, "hessian_seconds": spent}


def population(size: int, number: int) -> tuple[Any, float]:
    """An evaluated ensemble of paired configurations, and the CPU seconds of its forces."""
    potential = load_potential("mattersim:mini-H-S")
    cell, supercell = CELLS[size]
    atoms: Atoms = make_supercell(im3m(LATTICE), cell)
    with silence():
        phonons = harmonic(to_structure(atoms), supercell, potential)
        raise_floor(phonons, 0.05)
        ensemble = draw(phonons, 0.0, number, (1,), paired=True)
        evaluate(draw(phonons, 0.0, 2, (2,), paired=True), potential, 0.0)
    return ensemble, seconds(lambda: evaluate(ensemble, potential, 0.0))


def seconds(function: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    began = time.process_time()
    function()
    return time.process_time() - began


if __name__ == "__main__":
    words = sys.argv[1:]
    chosen = [int(word) for word in words if word.isdigit()]
    main(words[:1] == ["hessian"], chosen or list(CELLS))
