"""Silicon by Quantum ESPRESSO through ``anhcsp.label.espresso``: labels against their own finite differences.

    python benchmarks/labels/espresso.py            (Debian: apt install quantum-espresso quantum-espresso-data)

Labels nine two-atom cells, in a profile that lives in memory: seven volumes for the equation of state, and a distorted
cell moved to both sides for its forces. Compares the pressure with -dE/dV and the force with -dE/dx, and fits lattice
constant and bulk modulus. Writes ``espresso.json`` beside this script: CPU seconds of pw.x included.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from aiida import load_profile
from aiida.engine import run_get_node
from aiida.orm import Computer, Dict, InstalledCode, SinglefileData
from aiida.plugins import DataFactory, WorkflowFactory
from aiida.storage.sqlite_temp import SqliteTempBackend
from ase import Atoms
from ase.build import bulk
from ase.eos import EquationOfState
from ase.units import GPa

PSEUDO = Path("/usr/share/espresso/pseudo/Si.pbe-rrkj.UPF")
SETTINGS: dict[str, Any] = {"kpoints_spacing": 0.6, "system": {"ecutwfc": 24.0, "degauss": 0.002}}
MOVE = 0.01


def silicon(a: float, identity: str) -> Atoms:
    """The primitive cell at a lattice constant (angstrom)."""
    atoms = bulk("Si", a=a)
    atoms.info["id"] = identity
    return atoms


def structures() -> list[Atoms]:
    """Seven volumes, then a distorted cell moved forwards and backwards."""
    frames = [silicon(a, f"a{index:02d}") for index, a in enumerate(np.linspace(5.32, 5.62, 7))]
    for index, sign in enumerate((1, -1)):
        frame = silicon(5.47, f"m{index:02d}")
        frame.positions[0] += [0.1 + sign * MOVE, 0.05, 0.0]
        frames.append(frame)
    return frames


def label(folder: Path) -> tuple[list[Atoms], float]:
    """Labelled structures, and the CPU time of pw.x in seconds."""
    options = {"runner.poll.interval": 1}
    load_profile(SqliteTempBackend.create_profile("espresso", filepath=str(folder / "repository"), options=options))
    computer = Computer("localhost", "localhost", transport_type="core.local", scheduler_type="core.direct")
    computer.set_workdir(str(folder / "work"))
    computer.set_default_mpiprocs_per_machine(1)
    computer.store().configure(safe_interval=0.0, use_login_shell=False)
    computer.set_minimum_job_poll_interval(0.5)
    outputs, node = run_get_node(
        WorkflowFactory("anhcsp.label.espresso"),
        code=InstalledCode(computer, shutil.which("pw.x"), label="pw", default_calc_job_plugin="core.shell"),
        population=DataFactory("anhcsp.population").from_frames(structures()),
        pseudopotentials={"Si": SinglefileData(PSEUDO)},
        settings=Dict(SETTINGS),
        max_concurrent=9,
    )
    if not node.is_finished_ok:
        raise SystemExit(f"labels failed: {node.exit_message}")
    texts = [child.outputs.stdout.get_content() for child in node.called if "stdout" in child.outputs]
    return outputs["population"].get_frames(), sum(seconds(text) for text in texts)


def seconds(text: str) -> float:
    """CPU time that pw.x reports at its end."""
    minutes, rest = re.search(r"PWSCF +: +(?:(\d+)m)? *([\d.]+)s CPU", text).groups()
    return 60 * float(minutes or 0) + float(rest)


def main() -> None:
    """Label, compare, write."""
    with tempfile.TemporaryDirectory() as folder:
        frames, cpu = label(Path(folder))
    volumes = np.array([frame.get_volume() for frame in frames[:7]])
    energies = np.array([frame.get_potential_energy() for frame in frames[:7]])
    volume, _, modulus = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
    slope = np.gradient(energies, volumes, edge_order=2)[1:-1]
    pressures = np.array([-np.mean(frame.get_stress()[:3]) for frame in frames[1:6]])
    plus, minus = frames[7:]
    force = -(plus.get_potential_energy() - minus.get_potential_energy()) / (2 * MOVE)
    labelled = 0.5 * (plus.get_forces()[0, 0] + minus.get_forces()[0, 0])
    result = {
        "settings": SETTINGS,
        "pseudopotential": PSEUDO.name,
        "lattice_constant_angstrom": (4 * volume) ** (1 / 3),
        "bulk_modulus_GPa": modulus / GPa,
        "largest_pressure_error_GPa": float(np.abs(pressures + slope).max() / GPa),
        "force_finite_difference_eV_per_angstrom": force,
        "force_labelled_eV_per_angstrom": labelled,
        "cpu_seconds_of_pw": cpu,
        "labels": len(frames),
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(path.read_text())


if __name__ == "__main__":
    main()
