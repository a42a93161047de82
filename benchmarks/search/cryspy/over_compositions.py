"""CrySPY's evolutionary algorithm over compositions, unattended: its high-throughput driver knows one formula only.

    SEARCH_BENCHMARK=benchmarks/search SEARCH_SYSTEM=cu8au8 python over_compositions.py NUMBER

runs cryspy.in of the working folder by CrySPY's interactive functions until NUMBER structures are relaxed, with the
relaxer of ase_in.py in place of CrySPY's own. SEARCH_SYSTEM says which potential.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ase.io import read
from ase_in import optimize_structure
from cryspy.interactive import action, restart_interact
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor


def relaxed(_: str, structure: Structure, *__: Any) -> tuple[Structure, float, bool]:
    """The relaxed structure, its energy in eV and whether it converged."""
    atoms, energy, converged = optimize_structure(AseAtomsAdaptor.get_atoms(structure, msonable=False))
    return AseAtomsAdaptor.get_structure(atoms), energy, converged


def count() -> int:
    """Structures relaxed by now."""
    path = Path("relaxed.extxyz")
    return len(read(path, index=":")) if path.exists() else 0


restart_interact.opt_ase = relaxed
action.initialize()
while count() < int(sys.argv[1]):
    action.restart(njob=0, calculator=None, optimizer="BFGS")
