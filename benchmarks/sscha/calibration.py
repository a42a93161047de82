"""Is the reported error of the free energy the true one? 400 seeds of the analytic toy, minimised and audited.

No seed serves two cases, so that their ratios are independent of each other.

Run from the root of the repository: ``python -m benchmarks.sscha.calibration [SEEDS [CASE]]``; prints a table and
writes ``benchmarks/sscha/calibration.json``, of which a single case (from 0) replaces its row only.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.dynamics import frequencies_gamma, harmonic, to_structure
from aiida_anhcsp.engine.sscha.ensemble import draw, evaluate, measure
from aiida_anhcsp.engine.sscha.minimise import minimise_stage
from aiida_anhcsp.engine.sscha.settings import Minimisation, SschaSettings, parse_stages
from tests.engine.sscha.toy import bond_frequency, crystal, exact, functional

CASES = ((5.0, 0.0), (5.0, 300.0))
CONFIGURATIONS = 100


def main(seeds: int, cases: Sequence[int]) -> None:
    """Measure, print and write."""
    file = Path(__file__).with_suffix(".json")
    rows = dict(enumerate(json.loads(file.read_text()))) if file.is_file() else {}
    for case in cases:
        k, temperature = CASES[case]
        own = range(case * seeds, (case + 1) * seeds)
        began = time.process_time()
        with silence():
            errors, from_found, from_exact = np.array([run(k, temperature, seed) for seed in own]).T
        rows[case] = {
            "k": k,
            "temperature": temperature,
            "seeds": seeds,
            "first_seed": own[0],
            "configurations": CONFIGURATIONS,
            "reported_error_meV": float(1000 * np.sqrt(np.mean(errors**2))),
            "true_over_reported": float(np.sqrt(np.mean(from_found**2) / np.mean(errors**2))),
            "true_over_reported_against_exact": float(np.sqrt(np.mean(from_exact**2) / np.mean(errors**2))),
            "bias_against_exact_meV": float(1000 * np.mean(from_exact)),
            "cpu_time": round(time.process_time() - began, 1),
        }
        print(rows[case], flush=True)
        file.write_text(json.dumps([rows[number] for number in sorted(rows)], indent=2) + "\n")


def run(k: float, temperature: float, seed: int) -> tuple[float, float, float]:
    """Reported error and deviations from F at the matrices found and from the exact minimum, eV."""
    potential = load_potential(f'ase:tests.engine.sscha.toy:QuarticBond:{{"k": {k}}}')
    stages = parse_stages(f"1x1x1:{CONFIGURATIONS}")
    settings = SschaSettings(pressure=0.0, temperature=temperature, stages=stages, seed=seed, fixed_cell=True)
    start = harmonic(to_structure(crystal()), (1, 1, 1), potential)
    phonons = minimise_stage(start, stages[0], settings, Minimisation(), potential).phonons
    fresh = draw(phonons, temperature, CONFIGURATIONS, (seed, 0), paired=False)
    evaluate(fresh, potential, 0.0)
    audited = measure(fresh, 0.0, paired=False).free_energy
    curvature = (frequencies_gamma(phonons)[-1] / bond_frequency(1.0)) ** 2
    found, minimum = functional(curvature, k, temperature), exact(k, temperature)[1]
    return audited.error, audited.value - found, audited.value - minimum


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Nothing on file descriptor 1, where python-sscha and its Fortran write."""
    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


if __name__ == "__main__":
    chosen = [int(sys.argv[2])] if len(sys.argv) > 2 else range(len(CASES))
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400, chosen)
