"""Dynamical matrices: harmonic start by finite displacements, interpolation between stages, files.

Matrices are CellConstructor's ``Phonons``: force constants per q point in Ry/bohr^2, ``q_tot`` in 2 pi/angstrom.
"""

from __future__ import annotations

from pathlib import Path

import cellconstructor.ForceTensor
import cellconstructor.symmetries
import numpy as np
from ase import Atoms, units
from cellconstructor.Phonons import Phonons
from cellconstructor.Structure import Structure
from numpy.typing import NDArray
from sscha.Ensemble import Bohr, Rydberg

from ..errors import InputError
from ..frames import read_frames, write_frames
from ..potentials.base import Potential
from .evaluation import evaluate_all
from .settings import MATRICES_FOLDER, STRUCTURE_FILE
from .state import NUMBER, install, prepare, read_state

RYDBERG_IN_CM = units.Rydberg / units.invcm  # python-sscha's own is 0.04 % too small
DISPLACEMENT = 0.02


def to_structure(atoms: Atoms) -> Structure:
    """CellConstructor's structure of a crystal."""
    structure = Structure()
    structure.generate_from_ase_atoms(atoms)
    structure.unit_cell = np.array(atoms.cell.array)
    return structure


def to_atoms(structure: Structure) -> Atoms:
    """ASE's atoms of a CellConstructor structure."""
    return Atoms(structure.atoms, positions=structure.coords, cell=structure.unit_cell, pbc=True)


def supercell_atoms(structure: Structure, supercell: tuple[int, int, int]) -> Atoms:
    """Supercell in the order of atoms python-sscha uses (cell by cell)."""
    return to_atoms(structure.generate_supercell(supercell))


def force_constants(structure: Structure, supercell: tuple[int, int, int], potential: Potential) -> NDArray[np.float64]:
    """Harmonic force constants between the first cell and the supercell, by central differences of 0.02 angstrom.

    :return: shape (3 n_atoms, 3 n_atoms n_cells), eV/angstrom^2
    :raises EvaluationError: the potential refuses a displaced structure
    """
    reference = supercell_atoms(structure, supercell)
    displaced = []
    for atom in range(structure.N_atoms):
        for axis in range(3):
            for sign in (1, -1):
                frame = reference.copy()
                frame.positions[atom, axis] += sign * DISPLACEMENT
                displaced.append(frame)
    forces = evaluate_all(potential, displaced, "finite displacements").forces
    forces = forces.reshape(3 * structure.N_atoms, 2, -1)
    return np.asarray((forces[:, 1] - forces[:, 0]) / (2 * DISPLACEMENT))


def fourier(
    constants: NDArray[np.float64],
    structure: Structure,
    supercell: tuple[int, int, int],
    q_points: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """Force constants at q points commensurate with the supercell.

    :param constants: as from :func:`force_constants`
    :param q_points: shape (n_q, 3), 2 pi/angstrom
    :return: shape (n_q, 3 n_atoms, 3 n_atoms), Ry/bohr^2, Hermitian
    """
    n_atoms, n_cells = structure.N_atoms, int(np.prod(supercell))
    cells = structure.generate_supercell(supercell).coords.reshape(n_cells, n_atoms, 3)[:, 0] - structure.coords[0]
    phases = np.exp(2j * np.pi * q_points @ cells.T)
    blocks = constants.reshape(3 * n_atoms, n_cells, 3 * n_atoms)
    matrices = np.einsum("qc,icj->qij", phases, blocks) * Bohr**2 / Rydberg
    return np.asarray((matrices + matrices.conj().transpose(0, 2, 1)) / 2)


def harmonic(structure: Structure, supercell: tuple[int, int, int], potential: Potential) -> Phonons:
    """Symmetrised harmonic dynamical matrices on the supercell's q points; modes may be imaginary."""
    q_points = np.array(cellconstructor.symmetries.GetQGrid(structure.unit_cell, supercell))
    matrices = fourier(force_constants(structure, supercell, potential), structure, supercell, q_points)
    return _assemble(structure, q_points, matrices)


def interpolate(phonons: Phonons, supercell: tuple[int, int, int], potential: Potential, floor: float) -> Phonons:
    """Auxiliary matrices of one supercell carried to another, as a start there.

    What is interpolated is either the matrices themselves or what SSCHA added to the harmonic ones (which are then
    calculated in both supercells); of the two the one with fewer modes below the floor is taken.
    """
    coarse, structure = tuple(phonons.GetSupercell()), phonons.structure
    if coarse == supercell:
        return phonons
    added = phonons.Copy()
    constants = force_constants(structure, coarse, potential)
    for matrix, bare in zip(added.dynmats, fourier(constants, structure, coarse, np.array(phonons.q_tot)), strict=True):
        matrix -= bare
    plain, addition = _on_mesh(phonons, supercell), _on_mesh(added, supercell)
    constants = force_constants(structure, supercell, potential)
    q_points = np.array(addition.q_tot)
    supported = np.array(addition.dynmats) + fourier(constants, structure, supercell, q_points)
    candidates = [
        _assemble(structure, q_points, supported),
        _assemble(structure, np.array(plain.q_tot), np.array(plain.dynmats)),
    ]
    return min(candidates, key=lambda candidate: modes_below(candidate, floor))


def raise_floor(phonons: Phonons, floor: float) -> int:
    """Make the matrices positive definite, in place: w^2 -> max(|w|, floor w_max)^2 except for translations.

    :return: number of modes that were imaginary or below the floor
    """
    lowest = floor * highest_frequency(phonons)
    changed = 0
    roots = root_masses(phonons)
    for index in range(len(phonons.q_tot)):
        squares, modes = _modes(phonons, index)
        raised = np.maximum(np.abs(squares), lowest**2)
        changed += int(np.sum(~np.isclose(raised, squares, rtol=1e-9, atol=0)))
        matrix = (modes * raised) @ modes.conj().T
        phonons.dynmats[index] = matrix * np.outer(roots, roots)
    phonons.Symmetrize()
    return changed


def modes_below(phonons: Phonons, floor: float) -> int:
    """Number of modes, translations aside, that are imaginary or below ``floor`` times the highest frequency."""
    lowest = floor * highest_frequency(phonons)
    return int(np.sum(all_squared_frequencies(phonons) < lowest**2))


def highest_frequency(phonons: Phonons) -> float:
    """Highest frequency on the mesh, Ry."""
    return float(np.sqrt(all_squared_frequencies(phonons).max(initial=0.0)))


def lowest_frequency(phonons: Phonons) -> float:
    """Lowest frequency on the mesh, translations aside, cm^-1; negative if imaginary."""
    return float(_in_cm(all_squared_frequencies(phonons).min(initial=np.inf)))


def frequencies_gamma(phonons: Phonons) -> list[float]:
    """Frequencies at Gamma, cm^-1, ascending; negative for imaginary ones, exactly zero for the translations."""
    squares = np.concatenate([np.zeros(3), gamma_squared_frequencies(phonons)])
    return [float(value) for value in np.sort(_in_cm(squares))]


def gamma_squared_frequencies(phonons: Phonons) -> NDArray[np.float64]:
    """Squared frequencies (Ry^2) at Gamma, the translations left out, shape (3 n_atoms - 3,)."""
    return _modes(phonons, 0)[0]


def all_squared_frequencies(phonons: Phonons) -> NDArray[np.float64]:
    """Squared frequencies (Ry^2, negative if imaginary) of the modes at all q points, the translations left out."""
    return np.concatenate([_modes(phonons, index)[0] for index in range(len(phonons.q_tot))])


def root_masses(phonons: Phonons) -> NDArray[np.float64]:
    """Square root of the mass of each coordinate, shape (3 n_atoms,), atomic units (Ry)."""
    return np.sqrt(np.repeat([phonons.structure.masses[symbol] for symbol in phonons.structure.atoms], 3))


def save(phonons: Phonons, folder: Path, temperature: float) -> None:
    """Write ``structure.extxyz`` and ``dynamical_matrices/dyn1...`` (QE format, which keeps 16 decimals), as a whole.

    :param temperature: K, noted in the structure's info
    """
    new = prepare(folder)
    phonons.save_qe(str(new / MATRICES_FOLDER / "dyn"))
    atoms = to_atoms(phonons.structure)
    atoms.info |= {"temperature": float(temperature), NUMBER: int(phonons.nqirr)}
    write_frames(new / STRUCTURE_FILE, [atoms])
    install(folder)


def load(folder: Path, argument: str = "--start") -> Phonons:
    """Read what :func:`save` wrote.

    :raises InputError: files are missing or unreadable, or the matrices do not belong to the structure.
    """
    atoms, matrices = read_state(folder, argument)
    try:
        phonons = Phonons(str(folder / MATRICES_FOLDER / "dyn"), nqirr=len(matrices))
    except (OSError, ValueError, IndexError) as error:
        raise InputError(
            argument, f"the dynamical matrices in {folder} cannot be read ({error})", "give an unbroken OUTDIR"
        ) from error
    if list(atoms.symbols) != list(phonons.structure.atoms) or not np.allclose(
        atoms.cell.array, phonons.structure.unit_cell, atol=1e-5
    ):
        raise InputError(
            argument, f"{STRUCTURE_FILE} and the dynamical matrices in {folder} differ", "give an unbroken OUTDIR"
        )
    return phonons


def load_temperature(folder: Path, argument: str) -> float:
    """Temperature (K) of the matrices that :func:`save` wrote.

    :raises InputError: the structure does not tell
    """
    info = read_frames(folder / STRUCTURE_FILE, argument)[0].info
    if "temperature" not in info:
        raise InputError(
            argument, f"{folder / STRUCTURE_FILE} does not tell the temperature", "give the OUTDIR of an sscha command"
        )
    return float(info["temperature"])


def _assemble(structure: Structure, q_points: NDArray[np.float64], matrices: NDArray[np.complex128]) -> Phonons:
    phonons = Phonons(structure.copy(), nqirr=len(q_points))
    for index, (q_point, matrix) in enumerate(zip(q_points, matrices, strict=True)):
        phonons.q_tot[index] = np.array(q_point)
        phonons.dynmats[index] = np.array(matrix)
    phonons.AdjustQStar()
    phonons.Symmetrize()
    return phonons


def _on_mesh(phonons: Phonons, supercell: tuple[int, int, int]) -> Phonons:
    coarse = phonons.GetSupercell()
    tensor = cellconstructor.ForceTensor.Tensor2(
        phonons.structure, phonons.structure.generate_supercell(coarse), coarse
    )
    tensor.SetupFromPhonons(phonons)
    tensor.Center()
    return tensor.GeneratePhonons(supercell)


def _modes(phonons: Phonons, index: int) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Squared frequencies (Ry^2, ascending) and modes at a q point; at Gamma those that are no translations.

    The three translations are projected out, not recognised by their frequency: an optical mode may also be zero.
    """
    roots = root_masses(phonons)
    matrix = phonons.dynmats[index] / np.outer(roots, roots)
    if not np.allclose(phonons.q_tot[index], 0):
        squares, modes = np.linalg.eigh(matrix)
        return squares, modes
    uniform = np.kron(np.ones((len(roots) // 3, 1)), np.eye(3)) * roots[:, None]
    vibrations = np.linalg.qr(uniform, mode="complete")[0][:, 3:]
    squares, modes = np.linalg.eigh(vibrations.T @ matrix @ vibrations)
    return squares, vibrations @ modes


def _in_cm(squares: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(np.sign(squares) * np.sqrt(np.abs(squares)) * RYDBERG_IN_CM)
