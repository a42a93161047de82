"""Do the errors of single forces cancel in what SSCHA makes of them? A potential against DFT on one ensemble.

After the H3S study: four-atom H3S, SSCHA with the potential at a fixed cell, then the audit's configurations are
labelled by GPAW (the settings of ``benchmarks/mini_model/settings.json``), and single forces are compared with dF/dR
and with the force constants of the self-consistency. The same labels correct the free energy, which an audit of AUDIT
configurations of the same state gives; minimised again on the labels it ought to be the same from any potential. What
the potential's errors do to the soft mode is the difference of its squared frequency (lower optical T1u mode, cm^-2)
between the auxiliary matrices minimised on its own forces and on the labels, by the same configurations; in the
four-atom cell the Hessian is the auxiliary matrix, as inversion leaves no third order at Gamma. That is Im-3m; another
structure is compared in the same way, but for the soft mode that it does not have. Labels are appended as they are
computed, and a second run computes only those that are missing. Run from the root of the repository:

    python -m benchmarks.sscha.cancellation [--potential SPEC] [--name NAME] [--configurations N]
        [--lattice A | --structure FILE]

writes ``benchmarks/sscha/NAME.json`` and ``NAME.png``; the folder ``/tmp/NAME`` (or WORK instead of /tmp) keeps the
labels, and ``--minutes`` ends a run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from matplotlib.figure import Figure

from aiida_anhcsp.engine.frames import read_frames, write_frames
from aiida_anhcsp.engine.sscha.cancellation import Cancellation, cancellation
from aiida_anhcsp.engine.sscha.dynamics import load
from aiida_anhcsp.engine.sscha.reminimise import reminimise

from ..mini_model.prototypes import im3m
from .soft_mode import engine, soft_mode

AUDIT = 4000
GROUPS = 10
ROOT = Path(__file__).parents[2]
LABEL = ROOT / "aiida_anhcsp/workflows/gpaw_frames.py"


def main(
    potential: str, name: str, lattice: float, structure: Path | None, configurations: int, minutes: float
) -> None:
    """SSCHA, labels, comparison."""
    work = Path(os.environ.get("WORK", "/tmp")) / name
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "out/result.json").is_file():
        write_frames(work / "h3s.extxyz", read_frames(structure) if structure else [im3m(lattice)])
        stages = f"1x1x1:{configurations}"
        engine("sscha", str(work / "h3s.extxyz"), str(work / "out"), "--potential", potential, "--seed", "1",
               "--pressure", "0", "--fixed-cell", "--temperature", "0", "--stages", stages)  # fmt: skip
    label(work, configurations, minutes)
    frames = read_frames(work / "labels.extxyz")
    audit = read_frames(work / "out/audit.extxyz")
    done = [frame for frame in frames if frame.info["status"] == "ok"]
    for frame in done:
        frame.info["id"] = audit[int(frame.info["index"])].info["id"]
    write_frames(work / "done.extxyz", done)
    ours = [audit[int(frame.info["index"])] for frame in done]
    found = cancellation(load(work / "out"), 0.0, ours, done)
    origin = {"structure": structure.name} if structure else {"lattice_constant": lattice}
    document = {"potential": potential, **origin, **found.summary()}
    document["free_energy"] = free_energy(work, potential, len(found.forces[0]))
    if structure is None:
        document["soft_mode"] = soft_modes(work, ours, done)
    print(json.dumps(document, indent=1))
    path = Path(__file__).with_name(f"{name}.json")
    path.write_text(json.dumps(document, indent=1) + "\n")
    plot(found, path.with_suffix(".png"))


def free_energy(work: Path, potential: str, n_atoms: int) -> dict[str, float]:
    """Free energies in eV/atom: of the potential, corrected to DFT, and minimised again on the labels; with errors."""
    if not (work / "large/result.json").is_file():
        engine("sscha", str(work / "h3s.extxyz"), str(work / "large"), "--start", str(work / "out"), "--audit-only",
               "--potential", potential, "--seed", "2", "--pressure", "0", "--fixed-cell", "--temperature", "0",
               "--stages", f"1x1x1:{AUDIT}")  # fmt: skip
    engine("correct", str(work / "out"), str(work / "done.extxyz"), str(work / "corrected.json"), "--reminimise")
    audit = json.loads((work / "large/result.json").read_text())
    corrected = json.loads((work / "corrected.json").read_text())
    own, error = audit["free_energy"], audit["free_energy_error"]
    numbers = {"potential": own, "potential_error": error}
    for name, found in (("corrected", corrected), ("reminimised", corrected["reminimised"])):
        numbers[name] = own + found["free_energy_correction"]
        numbers[f"{name}_error"] = math.hypot(error, found["free_energy_correction_error"])
    pressures = {key: corrected[key] for key in ("pressure_correction", "pressure_correction_error")}
    return {key: value / n_atoms for key, value in numbers.items()} | pressures


def soft_modes(work: Path, ours: list[Atoms], labels: list[Atoms]) -> dict[str, float]:
    """Squared frequencies (cm^-2) by the potential and by DFT, and their difference; errors by leaving out tenths."""

    def squares(left_out: int | None) -> tuple[float, float, float]:
        kept = [place for place in range(len(ours)) if left_out is None or place % GROUPS != left_out]
        model, dft = (square(work, [frames[place] for place in kept]) for frames in (ours, labels))
        return model, dft, dft - model

    errors = np.sqrt((GROUPS - 1) * np.var([squares(group) for group in range(GROUPS)], axis=0))
    names = ("potential", "dft", "difference")
    by_name = dict(zip(names, squares(None), strict=True))
    by_name |= {f"{name}_error": error for name, error in zip(names, errors, strict=True)}
    return {name: float(value) for name, value in by_name.items()}


def square(work: Path, frames: list[Atoms]) -> float:
    """Squared frequency of the soft mode of the auxiliary matrix minimised on these forces."""
    with contextlib.redirect_stdout(io.StringIO()):  # python-sscha tells each step
        return soft_mode(reminimise(load(work / "out"), 0.0, frames).phonons)


def label(work: Path, configurations: int, minutes: float) -> None:
    """Labels of the audit, as many as the time allows."""
    command = ["/usr/bin/python3", str(LABEL), str(work / "out/audit.extxyz")]
    command += [
        str(ROOT / "benchmarks/mini_model/settings.json"),
        str(work / "labels.extxyz"),
        "0",
        str(configurations),
    ]
    try:
        subprocess.run(command, check=True, timeout=60 * minutes, stdout=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        print("the time is over; run again for the rest", file=sys.stderr)


def plot(found: Cancellation, path: Path) -> None:
    """Distributions of the differences of single forces and of their averages."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    axes.hist(1000 * found.forces.ravel(), 60, density=True, alpha=0.6, label="single forces")
    for value in 1000 * found.gradient.ravel():
        axes.axvline(value, color="tab:red", linewidth=1)
    axes.plot([], [], color="tab:red", label="dF/dR")
    axes.set_xlabel("DFT - potential (meV/angstrom)")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--potential", default="mattersim:mini-H-S")
    parser.add_argument("--name", default="cancellation_mini")
    parser.add_argument("--lattice", type=float, default=3.1, help="of Im-3m, angstrom")
    parser.add_argument("--structure", type=Path, help="instead of Im-3m")
    parser.add_argument("--configurations", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=15.0)
    main(**vars(parser.parse_args()))
