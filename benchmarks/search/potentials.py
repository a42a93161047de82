"""The classical potentials of the benchmark, named so that a potential specification can call them.

Energies, forces and stresses are those of matscipy and ASE; only the lists of neighbours are made faster.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber, TersoffBrenner
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import Stillinger_Weber_PRB_31_5262_Si
from matscipy.calculators.manybody.explicit_forms.tersoff_brenner import Tersoff_PRB_39_5566_Si_C
from matscipy.neighbours import CutoffNeighbourhood, first_neighbours, neighbour_list, triplet_list
from numpy.typing import NDArray
from vesin import NeighborList


def silicon() -> Manybody:
    """Stillinger and Weber, Phys. Rev. B 31, 5262 (1985)."""
    return _faster(Manybody(**StillingerWeber(Stillinger_Weber_PRB_31_5262_Si)))


def carbon() -> Manybody:
    """Tersoff, Phys. Rev. B 39, 5566 (1989)."""
    return _faster(Manybody(**TersoffBrenner(Tersoff_PRB_39_5566_Si_C)))


class Metals(EMT):
    """Effective medium theory with vesin's list of neighbours, which ASE makes in Python."""

    def initialize(self, atoms: Atoms) -> None:
        super().initialize(atoms)
        self.nl = _Neighbours(self.rc_list)


class _Neighbours:
    """What the calculator asks of a list: neighbours of an atom and the cells they are in."""

    def __init__(self, cutoff: float) -> None:
        self.pairs = NeighborList(cutoff=cutoff, full_list=True, sorted=True)

    def update(self, atoms: Atoms) -> None:
        """List all pairs."""
        first, self.second, self.shift = self.pairs.compute(
            points=atoms.positions, box=atoms.cell.array, periodic=True, quantities="ijS"
        )
        self.begin = np.searchsorted(first, np.arange(len(atoms) + 1))

    def get_neighbors(self, atom: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Neighbours of ``atom`` and their cells, shape (n, 3)."""
        own = slice(self.begin[atom], self.begin[atom + 1])
        return self.second[own].astype(int), self.shift[own].astype(float)


class _Triplets(CutoffNeighbourhood):
    """Triplets without the index of the pair between the outer atoms: only second derivatives need it."""

    def get_triplets(
        self, atoms: Atoms, quantities: str, neighbours: Any = None, cutoff: Any = None
    ) -> tuple[NDArray[Any], ...]:
        if "k" in quantities:
            return super().get_triplets(atoms, quantities, neighbours, cutoff)  # type: ignore[no-any-return]
        cutoff = self.cutoff if cutoff is None else cutoff
        first, _, lengths, vectors = neighbour_list("ijdD", atoms, cutoff) if neighbours is None else neighbours
        ij, ik = triplet_list(first_neighbours(len(atoms), first), lengths, cutoff)
        sides = np.stack([vectors[ij], vectors[ik], vectors[ik] - vectors[ij]], axis=1)
        ends = np.array([ij, ik, np.full_like(ij, -1)]).T
        lengths = np.linalg.norm(sides, axis=-1)
        return self.make_result(  # type: ignore[no-any-return]
            quantities, ends, sides, lengths, None, accepted_quantities="ijkdD"
        )


def _faster(calculator: Manybody) -> Manybody:
    old = calculator.neighbourhood
    calculator.neighbourhood = _Triplets(old.atom_type, old.pair_type, old.triplet_type, calculator.cutoff)
    return calculator
