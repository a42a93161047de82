"""What CrySPY calls for each structure: the relaxer, potential and convergence that the other codes use.

The relaxed frame is added to relaxed.extxyz. A structure that fails gets an energy too high for a parent: without
an energy CrySPY 1.5 would end the whole search.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ase import Atoms
from ase.io import write

BENCHMARK = Path(os.environ["SEARCH_BENCHMARK"])
sys.path.insert(0, str(BENCHMARK))

from systems import RELAX, SYSTEMS  # noqa: E402

from aiida_anhcsp.engine.potentials import load_potential  # noqa: E402
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax  # noqa: E402

HOPELESS = 1000.0
"""eV/atom"""
SYSTEM = SYSTEMS[os.environ["SEARCH_SYSTEM"]]
POTENTIAL = load_potential(SYSTEM.potential)


def optimize_structure(atoms: Atoms) -> tuple[Atoms, float, bool]:
    """The relaxed structure, its enthalpy in eV and whether it converged."""
    (frame,) = relax([atoms], POTENTIAL, SYSTEM.pressure, RelaxSettings(**RELAX))
    write("relaxed.extxyz", frame, append=True)
    enthalpy = frame.info.get("enthalpy", HOPELESS)
    structure = frame if "enthalpy" in frame.info else atoms
    return structure, float(enthalpy) * len(atoms), frame.info["status"] == "converged"
