"""A crystal whose SSCHA solution is known in closed form."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa, _amu, _c, _e, _hplanck, kB
from scipy.optimize import brentq

LATTICE = 3.0


class QuarticBond(Calculator):
    """V = B V0 (V/V0 - 1)^2 / 2 + k u^2 / 2 + lam u^4 per cell of two atoms.

    u is the deviation of the bond from half the cell's diagonal. SSCHA is exactly mu w^2 = k + 20 lam sigma^2. In a
    supercell (atoms cell by cell) the cells do not interact.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "forces", "stress"]

    def __init__(self, k: float = 5.0, lam: float = 20.0, bulk_modulus: float = 50.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.k, self.lam, self.bulk_modulus = k, lam, bulk_modulus * GPa

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        atoms = self.atoms
        n_cells = len(atoms) // 2
        supercell = np.round(np.linalg.norm(atoms.cell.array, axis=1) / (atoms.get_volume() / n_cells) ** (1 / 3))
        vectors = atoms.cell.array / supercell[:, None]
        first, second = atoms.positions[::2], atoms.positions[1::2]
        bonds = (second - first) @ np.linalg.inv(vectors) - 0.5
        deviations = (bonds - np.round(bonds)) @ vectors
        squares = np.sum(deviations**2, axis=1)
        gradients = (self.k + 4 * self.lam * squares)[:, None] * deviations
        volume, volume0 = atoms.get_volume(), n_cells * LATTICE**3
        dilation = volume / volume0 - 1
        forces = np.empty((len(atoms), 3))
        forces[::2], forces[1::2] = gradients, -gradients
        stress = self.bulk_modulus * dilation * np.eye(3) + gradients.T @ deviations / volume
        self.results = {
            "energy": 0.5 * self.bulk_modulus * volume0 * dilation**2
            + np.sum(0.5 * self.k * squares + self.lam * squares**2),
            "forces": forces,
            "stress": full_3x3_to_voigt_6_stress(stress),
        }


def crystal(lattice: float = LATTICE) -> Atoms:
    """The two-atom cubic cell, CsCl type."""
    return Atoms("NaCl", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=lattice * np.eye(3), pbc=True)


def bond_frequency(k: float) -> float:
    """Frequency of the optical mode, cm^-1, for a curvature in eV/angstrom^2."""
    sodium, chlorine = crystal().get_masses()
    reduced = sodium * chlorine / (sodium + chlorine) * _amu
    return float(np.sqrt(k * _e * 1e20 / reduced) / (2 * np.pi * _c * 100))


def harmonic_free_energy(k: float, temperature: float) -> float:
    """Of the cell's three optical modes with a curvature k (eV/angstrom^2) at a temperature (K), eV."""
    quantum = _hplanck * _c * 100 * bond_frequency(k) / _e
    if temperature == 0:
        return 1.5 * quantum
    return 1.5 * quantum + 3 * kB * temperature * float(np.log1p(-np.exp(-quantum / (kB * temperature))))


def variance(curvature: float, temperature: float) -> float:
    """Of one component of the bond in a harmonic well of that curvature (eV/angstrom^2), angstrom^2."""
    sodium, chlorine = crystal().get_masses()
    reduced = sodium * chlorine / (sodium + chlorine)
    hbar = np.sqrt(_hplanck**2 / (4 * np.pi**2) / (_amu * _e)) * 1e10  # eV^1/2 angstrom amu^1/2
    omega = np.sqrt(curvature / reduced)
    occupation = 1.0 if temperature == 0 else 1 / np.tanh(hbar * omega / (2 * kB * temperature))
    return float(hbar / (2 * reduced * omega) * occupation)


def functional(curvature: float, k: float, temperature: float, lam: float = 20.0) -> float:
    """SSCHA's free energy of the bond with a trial well of that curvature, eV."""
    spread = variance(curvature, temperature)
    return harmonic_free_energy(curvature, temperature) + 1.5 * (k - curvature) * spread + 15 * lam * spread**2


def exact(k: float, temperature: float, lam: float = 20.0) -> tuple[float, float]:
    """SSCHA's own solution: frequency of the optical mode (cm^-1) and free energy of the bond (eV)."""
    curvature = brentq(lambda value: value - k - 20 * lam * variance(value, temperature), 1e-6, 1e3)
    return bond_frequency(curvature), functional(curvature, k, temperature, lam)


def static_energy(volume: float, bulk_modulus: float = 50.0) -> float:
    """Of the cell's dilation, eV."""
    return 0.5 * bulk_modulus * GPa * LATTICE**3 * (volume / LATTICE**3 - 1) ** 2
