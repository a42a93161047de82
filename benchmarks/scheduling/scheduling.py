"""How many atoms a call, and what neighbour lists cost.

    pip install '.[benchmarks]'
    OMP_NUM_THREADS=1 python benchmarks/scheduling/scheduling.py

On H3S at 150 GPa with the mini model and one of the 1M size (random weights), one thread. ``calls``: ms per atom by the
atoms of a call. ``neighbours``: microseconds of one list of 4-32 atoms by library, an update of a list that has a
skin of 0.5 angstrom, and their share of an evaluation. CPU times of this process. Writes results.json and table.md
beside this file.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from matscipy.neighbours import neighbour_list
from vesin import NeighborList

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))
from evaluation import make_checkpoint, sulfur_hydride

from aiida_anhcsp.engine.potentials.mattersim import load_mattersim
from aiida_anhcsp.engine.potentials.resolve import BUNDLED

HERE = Path(__file__).parent
SKIN = 0.5
ATOMS = (4, 16, 32)
CALLS = (4, 16, 64, 256)


def fastest(function: Callable[[], Any], repeats: int) -> float:
    """CPU seconds of the quickest of some calls, after one to warm up."""
    function()
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return min(times)


def by_vesin(frame: Atoms, cutoff: float) -> tuple[np.ndarray, ...]:
    """What an evaluation needs of a neighbour list."""
    lists = NeighborList(cutoff=cutoff, full_list=True, sorted=True, n_threads=1)
    result: tuple[np.ndarray, ...] = lists.compute(frame.positions, frame.cell.array, True, "PDd")
    return result


def skin_update(frame: Atoms, cutoff: float) -> Callable[[], Any]:
    """The bonds within the cutoff from a list with a skin, when nothing has to be rebuilt."""
    lists = NeighborList(cutoff=cutoff + SKIN, full_list=True, sorted=True, n_threads=1)
    first, second, shifts = lists.compute(frame.positions, frame.cell.array, True, "ijS")

    def update() -> tuple[np.ndarray, ...]:
        vectors = frame.positions[second] - frame.positions[first] + shifts @ frame.cell.array
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        near = np.flatnonzero(lengths <= cutoff)
        return first[near], second[near], vectors[near], lengths[near]

    return update


def measure(name: str, path: Path, repeats: int) -> dict[str, Any]:
    """Both measurements for one model."""
    rng = np.random.default_rng(0)
    calls = {}
    for atoms in CALLS:
        frames = [sulfur_hydride(4, rng) for _ in range(max(64, atoms) // 4)]
        potential = load_mattersim(path, batch_atoms=atoms)
        calls[atoms] = 1e3 * fastest(lambda p=potential, f=frames: p.evaluate(f), repeats) / (4 * len(frames))
    rows = []
    potential = load_mattersim(path)
    cutoff = potential.cutoff
    assert cutoff is not None
    for atoms in ATOMS:
        frame = sulfur_hydride(atoms, rng)
        times = {
            "vesin": fastest(lambda f=frame: by_vesin(f, cutoff), 5 * repeats),
            "matscipy": fastest(lambda f=frame: neighbour_list("ijDd", f, cutoff), 5 * repeats),
            "skin": fastest(skin_update(frame, cutoff), 5 * repeats),
            "evaluation": fastest(lambda f=frame: potential.evaluate([f]), repeats),
        }
        rows.append({"atoms": atoms, **{key: 1e6 * value for key, value in times.items()}})
    return {"model": name, "cutoff": cutoff, "calls": calls, "neighbours": rows}


def table(results: list[dict[str, Any]]) -> str:
    """Both measurements, to be read."""
    lines = ["| model | " + " | ".join(f"{atoms} atoms a call" for atoms in CALLS) + " |", "|---" * 5 + "|"]
    for result in results:
        lines.append(f"| {result['model']} | " + " | ".join(f"{v:.2f}" for v in result["calls"].values()) + " |")
    lines += ["", "Milliseconds per atom, cells of four atoms.", ""]
    lines += [
        "| model | atoms | vesin | matscipy | update of a skin list | evaluation | list's share |",
        "|---" * 7 + "|",
    ]
    for result in results:
        for row in result["neighbours"]:
            share = row["vesin"] / row["evaluation"]
            lines.append(
                f"| {result['model']} | {row['atoms']} | {row['vesin']:.0f} | {row['matscipy']:.0f} "
                f"| {row['skin']:.0f} | {row['evaluation']:.0f} | {share:.1%} |"
            )
    return "\n".join([*lines, "", "Microseconds per structure."]) + "\n"


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        big = Path(folder) / "1M.pth"
        make_checkpoint(big)
        models = (("mini-H-S", BUNDLED["mini-H-S"], 3), ("1M size", big, 2))
        results = [measure(*model) for model in models]
    document = {"load": os.getloadavg()[0], "cores": os.cpu_count(), "models": results}
    (HERE / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (HERE / "table.md").write_text(table(results))
    print(table(results))


if __name__ == "__main__":
    main()
