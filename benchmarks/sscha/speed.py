"""One SSCHA population of 32 atoms: our batched evaluation against python-sscha with MatterSim's ASE calculator.

The same ensemble of H3S in 2x2x2 is evaluated by both, with a model of the 1M size (random weights: the time does not
depend on them) and with the mini model; then the minimiser runs once on a population of 1000. CPU times of one process
with one thread, both in one run. The time of an evaluation does not depend on the number of configurations, of which
there are 1000 in a population. Run from the root of the repository:
``OMP_NUM_THREADS=1 python -m benchmarks.sscha.speed [CONFIGURATIONS]``; writes ``benchmarks/sscha/speed.json``.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from mattersim.forcefield.potential import MatterSimCalculator, Potential  # noqa: E402

from aiida_anhcsp.engine.potentials.mattersim import load_mattersim, read_checkpoint  # noqa: E402
from aiida_anhcsp.engine.potentials.resolve import resolve_file  # noqa: E402
from aiida_anhcsp.engine.potentials.specification import parse_specification  # noqa: E402
from aiida_anhcsp.engine.sscha.dynamics import Phonons, harmonic, raise_floor, to_structure  # noqa: E402
from aiida_anhcsp.engine.sscha.ensemble import draw, evaluate  # noqa: E402
from aiida_anhcsp.engine.sscha.minimise import run_minimiser  # noqa: E402
from aiida_anhcsp.engine.sscha.settings import Minimisation  # noqa: E402

from ..evaluation.evaluation import make_checkpoint  # noqa: E402
from ..mini_model.prototypes import im3m  # noqa: E402
from .calibration import silence  # noqa: E402

POPULATION = 1000
SUPERCELL = (2, 2, 2)


def main(configurations: int) -> None:
    """Measure, print and write."""
    torch.set_num_threads(1)
    mini = resolve_file(parse_specification("mattersim:mini-H-S"))
    phonons = harmonic(to_structure(im3m(2.9)), SUPERCELL, load_mattersim(mini))
    raise_floor(phonons, 0.05)
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.pth"
        make_checkpoint(large)
        rows = [measure(name, path, phonons, configurations) for name, path in (("1M size", large), ("mini-H-S", mini))]
    document = {
        "atoms": 32,
        "population": POPULATION,
        "models": rows,
        "minimiser_seconds": minimiser_seconds(phonons, mini),
    }
    print(document, flush=True)
    Path(__file__).with_suffix(".json").write_text(json.dumps(document, indent=2) + "\n")


def measure(name: str, path: Path, phonons: Phonons, configurations: int) -> dict[str, Any]:
    """CPU seconds per configuration by both, and their ratio."""
    ensemble = draw(phonons, 0.0, configurations, (1,), paired=True)
    calculator = MatterSimCalculator(potential=Potential(read_checkpoint(path)[0], device="cpu"), device="cpu")
    ours = load_mattersim(path)
    warm = draw(phonons, 0.0, 2, (2,), paired=True)
    evaluate(warm, ours, 0.0)
    with silence():
        warm.compute_ensemble(calculator, True)
        stock_seconds = seconds(lambda: ensemble.compute_ensemble(calculator, True))
    stock = np.array(ensemble.energies)
    our_seconds = seconds(lambda: evaluate(ensemble, ours, 0.0))
    return {
        "model": name,
        "configurations": configurations,
        "python_sscha_seconds_per_configuration": stock_seconds / configurations,
        "seconds_per_configuration": our_seconds / configurations,
        "ratio": stock_seconds / our_seconds,
        "largest_difference_relative": float(np.max(np.abs(ensemble.energies - stock) / np.abs(stock))),
    }


def minimiser_seconds(phonons: Phonons, path: Path) -> float:
    """CPU seconds of the minimiser on a whole population."""
    ensemble = draw(phonons, 0.0, POPULATION, (3,), paired=True)
    evaluate(ensemble, load_mattersim(path), 0.0)
    with silence():
        return seconds(lambda: run_minimiser(ensemble, Minimisation()))


def seconds(function: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    began = time.process_time()
    function()
    return time.process_time() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
