"""Rigid ions: Coulomb and Buckingham interactions, as an ASE calculator.

No library of the benchmarks has one for cells that change: ASE has no Coulomb sum for crystals, and the Ewald sum of
matscipy 1.3.1 fails for skewed cells (it calls ``np.int``, which NumPy removed) and keeps the splitting of the first
cell it sees.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import _e, _eps0
from numpy.typing import NDArray
from scipy.special import erfc
from vesin import NeighborList

COULOMB = _e / (4 * np.pi * _eps0) * 1e10
"""eV angstrom"""
SPLITTING = 0.4
"""Width of the Ewald charges, 1/angstrom: what both sums leave out is below 1e-6 of a pair's energy."""
CUTOFF = 9.0
"""angstrom, of the sum in real space and of the Buckingham interactions, which are shifted to end there."""
LONGEST = 2 * SPLITTING * np.sqrt(15.0)
"""Longest wave vector, 1/angstrom."""


class Buckingham(Calculator):
    """q_i q_j / r + A exp(-r / rho) - C / r^6, the Coulomb part by an Ewald sum (P. P. Ewald, 1921).

    :param charges: by element, e; cells are neutral
    :param pairs: A (eV), rho (angstrom) and C (eV angstrom^6) by pair of elements in alphabetical order
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "forces", "stress"]

    def __init__(
        self, charges: Mapping[str, float], pairs: Mapping[tuple[str, str], tuple[float, float, float]]
    ) -> None:
        super().__init__()
        self.charges, self.pairs = charges, pairs

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Energy (eV), forces (eV/angstrom) and stress (eV/angstrom^3)."""
        super().calculate(atoms, properties, system_changes)
        frame = self.atoms
        charges = np.array([self.charges[symbol] for symbol in frame.symbols])
        near, far = self.real_space(frame, charges), wave_space(frame, charges)
        own = -COULOMB * SPLITTING / np.sqrt(np.pi) * float(charges @ charges)
        energy, forces, strain = (one + other for one, other in zip(near, far, strict=True))
        self.results = {
            "energy": energy + own,
            "forces": forces,
            "stress": full_3x3_to_voigt_6_stress(strain / frame.get_volume()),
        }

    def real_space(
        self, frame: Atoms, charges: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Energy, forces and derivative by the strain of what is near."""
        first, second, vectors, r = NeighborList(cutoff=CUTOFF, full_list=True).compute(
            points=frame.positions, box=frame.cell.array, periodic=True, quantities="ijDd"
        )
        symbols = np.array(frame.get_chemical_symbols())
        a, rho, c = np.ones((3, len(r)))
        for one, other in itertools.product(sorted(set(symbols)), repeat=2):
            chosen = (symbols[first] == one) & (symbols[second] == other)
            a[chosen], rho[chosen], c[chosen] = self.pairs[min(one, other), max(one, other)]
        product = COULOMB * charges[first] * charges[second]
        screened = product * erfc(SPLITTING * r) / r
        repulsion = a * np.exp(-r / rho)
        shift = a * np.exp(-CUTOFF / rho) - c / CUTOFF**6
        energy = 0.5 * float(np.sum(screened + repulsion - c / r**6 - shift))
        gaussian = 2 * SPLITTING / np.sqrt(np.pi) * product * np.exp(-((SPLITTING * r) ** 2))
        slope = -(screened + gaussian) / r - repulsion / rho + 6 * c / r**7
        pull = (slope / r)[:, None] * vectors
        forces = np.zeros((len(frame), 3))
        np.add.at(forces, first, pull)
        return energy, forces, 0.5 * pull.T @ vectors


def wave_space(frame: Atoms, charges: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Energy, forces and derivative by the strain of the smooth charges."""
    reciprocal = 2 * np.pi * frame.cell.reciprocal().array
    reach = np.floor(LONGEST * frame.cell.lengths() / (2 * np.pi)).astype(int)
    grid = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))), dtype=float)
    k = grid @ reciprocal
    squared = np.einsum("ij,ij->i", k, k)
    kept = (squared > 0) & (squared <= LONGEST**2)
    k, squared = k[kept], squared[kept]
    phases = np.exp(1j * (k @ frame.positions.T))
    structure = phases @ charges
    weight = 2 * np.pi * COULOMB / frame.get_volume() * np.exp(-squared / (4 * SPLITTING**2)) / squared
    energies = weight * np.abs(structure) ** 2
    swing = (weight[:, None] * np.conj(structure)[:, None] * phases).imag
    forces = 2 * charges[:, None] * (swing.T @ k)
    factor = 2 * energies * (1 / squared + 1 / (4 * SPLITTING**2))
    strain = (factor[:, None] * k).T @ k - energies.sum() * np.eye(3)
    return float(energies.sum()), forces, strain


def titania() -> Buckingham:
    """TiO2 by Matsui and Akaogi, Mol. Simul. 6, 239 (1991)."""
    pairs = {("O", "Ti"): (16957.5, 0.194, 12.59), ("O", "O"): (11782.8, 0.234, 30.22)}
    return Buckingham({"Ti": 2.196, "O": -1.098}, {**pairs, ("Ti", "Ti"): (31120.2, 0.154, 5.25)})
