"""What is searched for, and what all codes have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiida_anhcsp.engine.search.composition import Composition
from aiida_anhcsp.engine.search.settings import SearchSettings

POPULATION = 20
GENERATIONS = 10
RELAXATIONS = POPULATION * GENERATIONS
RELAX = {"fmax": 0.01, "max_steps": 300}


@dataclass(frozen=True)
class System:
    """A composition, a potential, a pressure (GPa) and the shortest distances (angstrom, or this package's own)."""

    formula: str
    potential: str
    pressure: float = 0.0
    minimum_distances: Mapping[str, float] = field(default_factory=dict)

    def settings(self, seed: int, **keys: Any) -> SearchSettings:
        """Settings of this package's search; the other codes take distances, cells and convergence from here."""
        common = {"population": POPULATION, "generations": GENERATIONS, "relax": RELAX, "seed": seed}
        ours = {"formula": self.formula, "pressure": self.pressure, "minimum_distances": dict(self.minimum_distances)}
        return SearchSettings.parse({**ours, **common, **keys})

    @property
    def composition(self) -> Composition:
        """Atoms in the cell."""
        return self.settings(0).compositions()[0]


EMT = "ase:potentials:Metals"
HALF_CU_AU = {"Cu-Cu": 1.32, "Cu-Au": 1.34, "Au-Au": 1.36}
"""Half the sums of covalent radii. By four fifths, this package's own, PyXtal needs ten to twenty CPU seconds for a
structure of sixteen close-packed atoms, by half of them a tenth of one."""
HALF_AG = {"Ag-Ag": 1.45}
SYSTEMS = {
    "cu8au8": System("Cu8Au8", EMT, minimum_distances=HALF_CU_AU),
    "si8": System("Si8", "ase:potentials:silicon"),
    "h3s": System("H6S2", "mattersim:mini-H-S", 150.0),
    "ag24": System("Ag24", EMT, minimum_distances=HALF_AG),
    "si16": System("Si16", "ase:potentials:silicon"),
    "c8": System("C8", "ase:potentials:carbon"),
    "tio2": System("Ti4O8", "ase:buckingham:titania"),
    "h3s16": System("H12S4", "mattersim:mini-H-S", 150.0),
}
