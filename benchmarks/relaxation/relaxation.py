"""Relaxations per optimiser: the engine's relaxer against ASE's FIRE with MatterSim's own calculator.

The same random H3S cells, the same model, pressure and criterion, on one thread:

    OMP_NUM_THREADS=1 python benchmarks/relaxation/relaxation.py --model mini-H-S --number 32

writes results.json beside this script: evaluations, CPU and wall time, failures, and enthalpies by method.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from ase.units import GPa
from mattersim.forcefield.potential import MatterSimCalculator, Potential

from aiida_anhcsp.engine.potentials.mattersim import load_mattersim, read_checkpoint
from aiida_anhcsp.engine.potentials.resolve import resolve_file
from aiida_anhcsp.engine.potentials.specification import parse_specification
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.relaxation.settings import Method
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.settings import SearchSettings


def by_engine(frames: list[Atoms], path: Path, pressure: float, settings: RelaxSettings) -> list[dict[str, Any]]:
    """Status, enthalpy (eV/atom) and evaluations of each frame with the engine's relaxer."""
    relaxed = relax(frames, load_mattersim(path, batch_atoms=settings.batch_atoms), pressure, settings)
    return [
        {
            "status": frame.info["status"],
            "enthalpy": frame.info.get("enthalpy"),
            "spacegroup": frame.info.get("spacegroup"),
            "evaluations": frame.info["steps"] + 1 if "steps" in frame.info else None,
        }
        for frame in relaxed
    ]


def by_ase(frames: list[Atoms], path: Path, pressure: float, settings: RelaxSettings) -> list[dict[str, Any]]:
    """The same with ASE's FIRE, one structure after the other."""
    calculator = MatterSimCalculator(potential=Potential(read_checkpoint(path)[0], device="cpu"), device="cpu")
    rows = []
    for frame in frames:
        atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True, calculator=calculator)
        optimiser = FIRE(FrechetCellFilter(atoms, scalar_pressure=pressure * GPa), logfile=None)
        try:
            status = "converged" if optimiser.run(fmax=settings.fmax, steps=settings.max_steps) else "max_steps"
        except Exception as error:  # a failure is a result here
            rows.append({"status": type(error).__name__, "enthalpy": None, "evaluations": optimiser.nsteps + 1})
            continue
        enthalpy = (atoms.get_potential_energy() + pressure * GPa * atoms.get_volume()) / len(atoms)
        rows.append({"status": status, "enthalpy": float(enthalpy), "evaluations": optimiser.nsteps + 1})
    return rows


def measured(method: Callable[[], list[dict[str, Any]]]) -> dict[str, Any]:
    """The rows of a method with their sums and the time they took."""
    wall, cpu = time.perf_counter(), time.process_time()
    rows = method()
    enthalpies = [row["enthalpy"] for row in rows if row["status"] == "converged"]
    return {
        "cpu_time": round(time.process_time() - cpu, 2),
        "wall_time": round(time.perf_counter() - wall, 2),
        "converged": len(enthalpies),
        "evaluations": sum(row["evaluations"] or 0 for row in rows),
        "mean_enthalpy": float(np.mean(enthalpies)) if enthalpies else None,
        "structures": rows,
    }


@click.command()
@click.option("--model", default="mini-H-S", show_default=True, help="MatterSim checkpoint, name or file.")
@click.option("--number", default=32, show_default=True, help="Structures.")
@click.option("--formula-units", default="1-4", show_default=True)
@click.option("--pressure", default=150.0, show_default=True, help="GPa.")
@click.option("--fmax", default=0.01, show_default=True, help="eV/angstrom.")
@click.option("--seed", default=1, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=Path(__file__).with_name("results.json"))
def main(model: str, number: int, formula_units: str, pressure: float, fmax: float, seed: int, output: Path) -> None:
    """Measure the relaxer's methods and ASE's on the same structures."""
    torch.set_num_threads(1)
    path = resolve_file(parse_specification(f"mattersim:{model}", "--model"), "--model")
    keys = {"formula": "H3S", "formula_units": formula_units, "pressure": pressure, "seed": seed}
    frames = random_population(SearchSettings.parse({**keys, "population": number, "generations": 1}))
    methods: tuple[Method, ...] = ("lbfgs", "fire")
    results: dict[str, Any] = {
        "model": model,
        **keys,
        "number": number,
        "fmax": fmax,
        "atoms": [len(frame) for frame in frames],
        "versions": {name: version(name) for name in ("ase", "mattersim", "numpy", "torch")},
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "methods": {},
    }
    for name in methods:
        settings = RelaxSettings(fmax=fmax, method=name)
        results["methods"][f"engine {name}"] = measured(partial(by_engine, frames, path, pressure, settings))
    settings = RelaxSettings(fmax=fmax)
    results["methods"]["ase fire, stock mattersim"] = measured(partial(by_ase, frames, path, pressure, settings))
    output.write_text(json.dumps(results, indent=1) + "\n")
    for name, row in results["methods"].items():
        click.echo(
            f"{name:28s} {row['converged']:3d} of {number} converged, {row['evaluations']:6d} evaluations, "
            f"{row['cpu_time']:8.1f} s CPU, {row['wall_time']:8.1f} s wall, mean {row['mean_enthalpy']:.4f} eV/atom"
        )


if __name__ == "__main__":
    main()
