"""The soft T1u mode of Im-3m H3S at Gamma: harmonic against static pressure, SSCHA against quantum pressure.

For each lattice constant the cell is fixed, SSCHA runs in growing supercells up to N x N x N and the free-energy
Hessian follows. T1u occurs three times: a translation, hydrogen along its S-H-S bonds and hydrogen across them. The two
optical modes mix where they come close; the lower one goes soft. Squared frequencies are negative where it is unstable;
zeros are interpolated. The error is that of the lowest mode of the Hessian by the bootstrap, given where that is the
soft one.
Points that are in the JSON file already are not repeated. Run from the root of the repository:

    python -m benchmarks.sscha.soft_mode [--potential SPEC] [--temperature K] [--supercell N] [--lattices A,A,...]
        [--configurations N] [--resamples N] [--name NAME]

writes ``benchmarks/sscha/NAME.json``, which ``soft_mode_figure.py`` draws.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import GPa
from numpy.typing import NDArray

from aiida_anhcsp.engine.frames import write_frames
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.dynamics import RYDBERG_IN_CM, Phonons, harmonic, load, to_atoms, to_structure
from aiida_anhcsp.engine.sscha.evaluation import evaluate_all

from ..mini_model.prototypes import im3m

ROOT = Path(__file__).parents[2]
LATTICES = "3.30,3.25,3.20,3.15,3.10,3.06,3.02,2.98,2.94"
SAME = 1.0
"""cm^-1; the lowest mode is the soft one if their frequencies differ by less."""


def main(name: str, lattices: str, **settings: Any) -> None:
    """All points, then the zeros."""
    path = Path(__file__).with_name(f"{name}.json")
    document = json.loads(path.read_text()) if path.is_file() else {"points": []}
    document |= settings
    done = {point["lattice_constant"] for point in document["points"]}
    for lattice in map(float, lattices.split(",")):
        if lattice in done:
            continue
        point = run(lattice, **settings)
        print({key: value for key, value in point.items() if not isinstance(value, list)}, flush=True)
        document["points"] = sorted([*document["points"], point], key=lambda entry: -entry["lattice_constant"])
        document["zeros"] = {
            kind: zero(document["points"], kind, pressure)
            for kind, pressure in (("harmonic", "static_pressure"), ("hessian", "pressure"))
        }
        path.write_text(json.dumps(document, indent=1) + "\n")


def run(
    lattice: float, potential: str, temperature: float, supercell: int, configurations: int, resamples: int
) -> dict[str, Any]:
    """One lattice constant: pressures (GPa) and squared frequencies (cm^-2)."""
    began = time.monotonic()
    atoms = im3m(lattice)
    with tempfile.TemporaryDirectory() as folder:
        write_frames(Path(folder) / "h3s.extxyz", [atoms])
        common = ["--potential", potential, "--seed", "1"]
        numbers = [configurations // 2, *[configurations] * (supercell - 1)]
        stages = ",".join(f"{n}x{n}x{n}:{number}" for n, number in enumerate(numbers, start=1))
        engine("sscha", f"{folder}/h3s.extxyz", f"{folder}/out", *common, "--pressure", "0", "--fixed-cell",
               "--temperature", str(temperature), "--stages", stages)  # fmt: skip
        engine("hessian", f"{folder}/out", f"{folder}/hessian", *common, "--configurations", str(2 * configurations),
               "--resamples", str(resamples))  # fmt: skip
        result, verdict = (json.loads((Path(folder) / part / "result.json").read_text()) for part in ("out", "hessian"))
        auxiliary, hessian = load(Path(folder) / "out"), load(Path(folder) / "hessian")
    loaded = load_potential(potential)
    labels = evaluate_all(loaded, [to_atoms(auxiliary.structure)], "structures")
    bare = harmonic(to_structure(to_atoms(auxiliary.structure)), (supercell,) * 3, loaded)
    square, lowest = soft_mode(hessian), verdict["lowest_frequency"]
    is_lowest = abs(math.copysign(math.sqrt(abs(square)), square) - lowest) < SAME
    return {
        "lattice_constant": lattice,
        "static_pressure": float(-np.trace(labels.stresses[0]) / 3 / GPa),
        "pressure": result["pressure"],
        "pressure_error": result["pressure_error"],
        "converged": result["converged"],
        "harmonic": soft_mode(bare),
        "auxiliary": soft_mode(auxiliary),
        "hessian": square,
        "hessian_error": verdict.get("lowest_frequency_squared_error") if is_lowest else None,
        "free_energy": result["free_energy"],
        "free_energy_error": result["free_energy_error"],
        "wall_time": round(time.monotonic() - began, 1),
    }


def engine(*arguments: str) -> None:
    """Run ``anhcsp-engine``."""
    subprocess.run([sys.executable, "-m", "aiida_anhcsp.engine.cli.main", *arguments], cwd=ROOT, check=True)


def soft_mode(phonons: Phonons) -> float:
    """Squared frequency (cm^-2) of the lower optical T1u mode at Gamma."""
    basis = t1u(to_atoms(phonons.structure))
    roots = np.sqrt(np.repeat([phonons.structure.masses[symbol] for symbol in phonons.structure.atoms], 3))
    return optical(np.real(phonons.dynmats[0]) / np.outer(roots, roots), basis, roots)[0] * RYDBERG_IN_CM**2


def optical(
    dynamical: NDArray[np.float64], basis: NDArray[np.float64], roots: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Eigenvalues of a dynamical matrix in the span of ``basis``, the translation taken out, ascending.

    :param dynamical: (3N, 3N)
    :param basis: displacements whose sum is a translation, (3N, n)
    :param roots: root of the mass of each coordinate, (3N,)
    """
    vectors, _ = np.linalg.qr(np.column_stack([basis.sum(axis=1), basis[:, 1:]]) * roots[:, None])
    without_translation = vectors[:, 1:]
    result: NDArray[np.float64] = np.linalg.eigvalsh(without_translation.T @ dynamical @ without_translation)
    return result


def t1u(atoms: Atoms) -> NDArray[np.float64]:
    """Displacements that span T1u along x, shape (12, 3): of sulfur, of hydrogen along its bonds and across them."""
    sulfur = [atom.symbol for atom in atoms].index("S")
    basis = np.zeros((len(atoms), 3, 3))
    for index, symbol in enumerate(atoms.symbols):
        if symbol == "S":
            kind = 0
        else:
            bond = atoms.get_distance(sulfur, index, mic=True, vector=True)
            kind = 1 if abs(bond[0]) > 0.5 else 2
        basis[index, 0, kind] = 1.0
    return basis.reshape(-1, 3)


def zero(points: list[dict[str, Any]], kind: str, pressure: str) -> float | None:
    """Pressure (GPa) at which the mode becomes stable, interpolated between points; None where it does not."""
    ordered = sorted(points, key=lambda point: point[pressure])
    for lower, upper in itertools.pairwise(ordered):
        if lower[kind] < 0 <= upper[kind]:
            fraction = -lower[kind] / (upper[kind] - lower[kind])
            return float(lower[pressure] + fraction * (upper[pressure] - lower[pressure]))
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--potential", default="mattersim:mini-H-S")
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--supercell", type=int, default=2)
    parser.add_argument("--lattices", default=LATTICES, help="angstrom")
    parser.add_argument("--configurations", type=int, default=200)
    parser.add_argument("--resamples", type=int, default=20)
    parser.add_argument("--name", default="soft_mode_mini")
    main(**vars(parser.parse_args()))
