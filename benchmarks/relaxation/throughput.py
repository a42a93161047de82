"""Structures relaxed per core-hour, cells of up to 80 atoms.

    OMP_NUM_THREADS=1 python benchmarks/relaxation/throughput.py mattersim:mini-H-S mtp:WHERE/model.mtp

Random H3S cells of 4 to 80 atoms at 150 GPa, relaxed to 0.01 eV/angstrom in at most 500 steps by each potential, one
thread, CPU time. A network of the 1M size with random weights relaxes nothing; what its force calls cost is measured
on the relaxed cells, and as many are counted as the first potential needed. The light potential of the self-optimising
search (Li et al.) relaxes 474 structures of up to 80 atoms per core-hour. Writes throughput.json beside this file.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import torch
from ase import Atoms

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))
from evaluation import make_checkpoint

from aiida_anhcsp.engine.frames import bare
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.settings import SearchSettings

HERE = Path(__file__).parent


def described(seconds: float, number: int, **more: Any) -> dict[str, Any]:
    return {"cpu_seconds": seconds, "structures_per_core_hour": 3600 * number / seconds, **more}


def relaxed(specification: str, frames: list[Atoms], pressure: float) -> tuple[list[Atoms], dict[str, Any]]:
    """The frames relaxed, and what it took."""
    potential = load_potential(specification)
    begin = time.process_time()
    ends = relax(frames, potential, pressure, RelaxSettings())
    seconds = time.process_time() - begin
    statuses = [str(end.info["status"]) for end in ends]
    calls = sum(end.info.get("steps", 0) + 1 for end in ends)
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    return ends, described(seconds, len(frames), force_calls=calls, statuses=counts)


def of_1m_size(ends: list[Atoms]) -> dict[str, Any]:
    """The same number of force calls for each structure by a network of the 1M size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "1M.pth"
        make_checkpoint(path)
        potential = load_potential(f"mattersim:{path}")
    seconds = 0.0
    potential.evaluate([bare(ends[0])])
    for end in ends:
        begin = time.process_time()
        potential.evaluate([bare(end)])
        seconds += (end.info.get("steps", 0) + 1) * (time.process_time() - begin)
    return described(seconds, len(ends), extrapolated=True)


@click.command()
@click.argument("potentials", nargs=-1, required=True)
@click.option("--number", default=24, show_default=True, help="Structures.")
@click.option("--pressure", default=150.0, show_default=True, help="GPa.")
@click.option("--seed", default=1, show_default=True)
def main(potentials: tuple[str, ...], number: int, pressure: float, seed: int) -> None:
    """Measure each of POTENTIALS and the 1M size."""
    torch.set_num_threads(1)
    keys = {"formula": "H3S", "formula_units": "1-20", "pressure": pressure, "seed": seed, "generations": 1}
    frames = random_population(SearchSettings.parse({**keys, "population": number}))
    results: dict[str, Any] = {}
    for specification in potentials:
        name = specification.rpartition("/")[2]
        ends, results[name] = relaxed(specification, frames, pressure)
        click.echo(f"{name}: {results[name]}")
        if len(results) == 1:
            sane = [end for end in ends if end.info["status"] in ("converged", "max_steps")]
            results["1M size"] = of_1m_size(sane)
            click.echo(f"1M size: {results['1M size']}")
    atoms = [len(frame) for frame in frames]
    document = {"atoms": atoms, "pressure": pressure, "load": os.getloadavg()[0], "potentials": results}
    (HERE / "throughput.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
