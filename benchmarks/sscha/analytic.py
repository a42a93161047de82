"""The analytic toy through ``anhcsp-engine sscha`` and ``hessian``: what they give against the closed form.

Frequency, free energy and volume are those of the audit; without a third order the Hessian's frequency is the auxiliary
one.

Run from the root of the repository: ``python -m benchmarks.sscha.analytic [CONFIGURATIONS]``; prints a table and
writes ``benchmarks/sscha/analytic.json``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aiida_anhcsp.engine.frames import write_frames
from tests.engine.sscha.toy import crystal, exact, static_energy

ROOT = Path(__file__).parents[2]
CASES = ((5.0, 0.0, 0.0), (5.0, 300.0, 0.0), (-2.0, 0.0, 0.0), (-2.0, 600.0, 0.0), (5.0, 300.0, 5.0))


def main(configurations: int) -> None:
    """Run all cases, print and write them."""
    rows = [run(*case, configurations) for case in CASES]
    Path(__file__).with_suffix(".json").write_text(json.dumps(rows, indent=2) + "\n")


def run(k: float, temperature: float, pressure: float, configurations: int) -> dict[str, Any]:
    """One case: a result of the command beside the closed form."""
    began = time.monotonic()
    potential = f'ase:tests.engine.sscha.toy:QuarticBond:{{"k": {k}}}'
    point = {"--pressure": pressure, "--temperature": temperature, "--stages": f"1x1x1:{configurations}", "--seed": 1}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_frames(folder / "crystal.extxyz", [crystal()])
        result = engine("sscha", folder / "crystal.extxyz", folder / "out", potential, point)
        fresh = {"--configurations": configurations, "--seed": 2}
        hessian = engine("hessian", folder / "out", folder / "hessian", potential, fresh)
    frequency, free_energy = exact(k, temperature)
    bond, error = result["free_energy"] - static_energy(result["volume"]), result["free_energy_error"]
    row = {
        "k": k,
        "temperature": temperature,
        "pressure": pressure,
        "configurations": configurations,
        "converged": result["converged"],
        "frequency": result["auxiliary_frequencies_gamma"][-1],
        "frequency_exact": frequency,
        "frequency_hessian": hessian["frequencies_gamma"][-1],
        "stability": hessian["stability"],
        "free_energy_meV": 1000 * bond,
        "free_energy_error_meV": 1000 * error,
        "free_energy_exact_meV": 1000 * free_energy,
        "sigmas": (bond - free_energy) / error,
        "volume": result["volume"],
        "volume_exact": 27.0 * (1 - pressure / 50.0),
        "wall_time": round(time.monotonic() - began, 1),
    }
    print({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}, flush=True)
    return row


def engine(command: str, source: Path, out: Path, potential: str, options: dict[str, Any]) -> dict[str, Any]:
    """Result of one command of the engine."""
    arguments = [command, source, out, "--potential", potential, *(part for pair in options.items() for part in pair)]
    line = [sys.executable, "-m", "aiida_anhcsp.engine.cli.main", *map(str, arguments)]
    subprocess.run(line, cwd=ROOT, check=True, capture_output=True)
    result: dict[str, Any] = json.loads((out / "result.json").read_text())
    return result


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20000)
