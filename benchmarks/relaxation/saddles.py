"""What relaxations of symmetric random structures lose by keeping their symmetry.

    OMP_NUM_THREADS=1 python benchmarks/relaxation/saddles.py

The first 16 random H3S cells of 4-16 atoms at 150 GPa with the mini model, as they are and displaced by a normal
distribution of 0.01 and 0.05 angstrom before the relaxation. Writes saddles.json beside this file.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.settings import SearchSettings

PRESSURE = 150.0
AMPLITUDES = (0.0, 0.01, 0.05)
KEYS = {
    "formula": "H3S",
    "formula_units": "1-4",
    "pressure": PRESSURE,
    "seed": 1,
    "generations": 1,
    "population": 64,
    "displacement": 0.0,
}


def main() -> None:
    torch.set_num_threads(1)
    frames = random_population(SearchSettings.parse(KEYS))[:16]
    potential = load_potential("mattersim:mini-H-S")
    rows = []
    for amplitude in AMPLITUDES:
        displaced = [frame.copy() for frame in frames]
        for number, frame in enumerate(displaced):
            frame.rattle(amplitude, rng=np.random.default_rng(number))
        begin = time.process_time()
        ends = relax(displaced, potential, PRESSURE, RelaxSettings(fmax=0.01, max_steps=500))
        enthalpies = [float(end.info["enthalpy"]) for end in ends]
        rows.append(
            {
                "displaced_by": amplitude,
                "cpu_seconds": time.process_time() - begin,
                "force_calls": sum(end.info["steps"] + 1 for end in ends),
                "mean_enthalpy": float(np.mean(enthalpies)),
                "lowest_enthalpy": min(enthalpies),
                "spacegroups": [end.info["spacegroup"] for end in ends],
            }
        )
        print(rows[-1])
    Path(__file__).with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
