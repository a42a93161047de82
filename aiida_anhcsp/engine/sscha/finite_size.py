"""What the q points that a supercell leaves out change in a free energy."""

from __future__ import annotations

import itertools
from typing import Any

import cellconstructor.ForceTensor
import numpy as np
from ase.units import kB
from cellconstructor.Phonons import Phonons
from numpy.typing import NDArray
from sscha.Ensemble import Rydberg

from .dynamics import all_squared_frequencies, gamma_squared_frequencies, root_masses

SPACING = 0.25
"""1/angstrom, largest distance of neighbouring q points on the common mesh: images 25 angstrom apart."""
UNCERTAINTY = 0.5
"""Standard error of a shift as a fraction of it."""
CHUNK = 64


def common_mesh(cell: NDArray[np.float64], supercell: tuple[int, int, int]) -> tuple[int, int, int]:
    """Mesh of q points whose spacing is at most ``SPACING``, and no coarser than that of the supercell.

    :param cell: shape (3, 3), angstrom
    """
    lengths = 2 * np.pi * np.linalg.norm(np.linalg.inv(cell).T, axis=1)
    first, second, third = np.maximum(np.ceil(lengths / SPACING - 1e-6).astype(int), supercell).tolist()
    return first, second, third


def finite_size(phonons: Phonons, temperature: float, mesh: tuple[int, int, int] | None = None) -> dict[str, Any]:
    """What matrices interpolated to a dense mesh change in the harmonic part of F.

    The same as python-sscha's ``get_free_energy_interpolating`` less the free energy of the ensemble: the anharmonic
    part stays that of the supercell. That neglect is the larger part of the error, which is taken as half the shift.

    :param temperature: K
    :param mesh: :func:`common_mesh` if not given
    :return: ``mesh``, and ``shift`` and ``shift_error`` (eV per primitive cell) or, where the interpolation is of no
        use, the number of its ``imaginary_modes``
    """
    supercell = tuple(int(number) for number in phonons.GetSupercell())
    mesh = mesh or common_mesh(phonons.structure.unit_cell, (supercell[0], supercell[1], supercell[2]))
    dense, own = interpolated(phonons, mesh), all_squared_frequencies(phonons)
    imaginary = int(max(np.sum(dense <= 0), np.sum(own <= 0)))
    if imaginary:
        return {"mesh": list(mesh), "imaginary_modes": imaginary}
    per_cell = [
        free_energy(squares, temperature) / np.prod(each) for squares, each in ((dense, mesh), (own, supercell))
    ]
    shift = (per_cell[0] - per_cell[1]) * Rydberg
    return {"mesh": list(mesh), "shift": float(shift), "shift_error": float(UNCERTAINTY * abs(shift))}


def interpolated(phonons: Phonons, mesh: tuple[int, int, int]) -> NDArray[np.float64]:
    """Squared frequencies (Ry^2) of all modes on a mesh, the translations at Gamma left out, shape (n_modes,)."""
    structure, supercell = phonons.structure, phonons.GetSupercell()
    tensor = cellconstructor.ForceTensor.Tensor2(structure, structure.generate_supercell(supercell), supercell)
    tensor.SetupFromPhonons(phonons)
    tensor.Center()
    fractions = np.array(list(itertools.product(*(np.arange(number) / number for number in mesh))))
    points = fractions @ np.linalg.inv(structure.unit_cell).T
    constants = np.asarray(tensor.tensor).reshape(tensor.n_R, -1)
    roots, found = root_masses(phonons), [gamma_squared_frequencies(phonons)]
    for chunk in np.array_split(points[1:], max(1, len(points) // CHUNK)):
        phases = np.exp(2j * np.pi * chunk @ tensor.r_vector2)
        matrices = (phases @ constants).reshape(len(chunk), 3 * structure.N_atoms, -1)
        hermitian = (matrices + matrices.conj().transpose(0, 2, 1)) / 2
        found.append(np.linalg.eigvalsh(hermitian / np.outer(roots, roots)).ravel())
    return np.concatenate(found)


def free_energy(squares: NDArray[np.float64], temperature: float) -> float:
    """Harmonic free energy (Ry) of modes with these squared frequencies (Ry^2), none of them zero."""
    frequencies = np.sqrt(squares)
    energy = float(np.sum(frequencies)) / 2
    if temperature > 0:
        thermal = kB * temperature / Rydberg
        energy += thermal * float(np.sum(np.log(-np.expm1(-frequencies / thermal))))
    return energy
