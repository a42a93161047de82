"""Thermal expansion of EMT gold: 4x4x4 at 300 K and no pressure, against python-sscha's own release test.

That test (python-sscha 1.6.2, tests/test_release) finds a = 4.08090 angstrom. Run from the root of the repository:
``python -m benchmarks.sscha.gold [CONFIGURATIONS]``; prints the result and writes ``benchmarks/sscha/gold.json``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ase.build import bulk

from aiida_anhcsp.engine.frames import write_frames

ROOT = Path(__file__).parents[2]
REFERENCE = 4.08090
BULK_MODULUS = 173.0
"""GPa, of EMT gold; turns the error of the pressure into one of the lattice constant."""


def main(configurations: int) -> None:
    """Run, print and write."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        write_frames(Path(folder) / "gold.extxyz", [bulk("Au", a=4.06)])
        command = [sys.executable, "-m", "aiida_anhcsp.engine.cli.main", "sscha", f"{folder}/gold.extxyz"]
        command += [f"{folder}/out", "--potential", "ase:ase.calculators.emt:EMT", "--pressure", "0", "--seed", "1"]
        command += ["--temperature", "300", "--stages", f"2x2x2:100,4x4x4:{configurations}"]
        subprocess.run(command, cwd=ROOT, check=True)
        result = json.loads((Path(folder) / "out" / "result.json").read_text())
    lattice = (4 * result["volume"]) ** (1 / 3)
    document = {
        "lattice_constant": lattice,
        "lattice_constant_error": lattice * result["pressure_error"] / (3 * BULK_MODULUS),
        "lattice_constant_reference": REFERENCE,
        "difference": lattice - REFERENCE,
        "configurations": configurations,
        "wall_time": round(time.monotonic() - began, 1),
        "result": result,
    }
    print({key: value for key, value in document.items() if key != "result"}, flush=True)
    Path(__file__).with_suffix(".json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
