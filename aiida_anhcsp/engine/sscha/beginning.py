"""What a run begins with: a structure, reduced to its primitive cell, or the state of an earlier run, as it is."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from ..errors import InputError
from ..frames import read_frames
from .lattice import primitive_cell
from .settings import IMPOSED, STRUCTURE_FILE

LOG = logging.getLogger(__name__)
SAME = 1e-5


@dataclass(frozen=True)
class Beginning:
    """Cell a run begins with, the atoms of the file that it is from, and the state to go on from, if any.

    ``tolerance`` (angstrom) is spglib's for the symmetries that a supercell has to keep.
    """

    atoms: Atoms
    n_atoms_given: int
    state: Path | None
    tolerance: float


def begin(structure: Path, start: Path | None, tolerance: float) -> Beginning:
    """How a run of STRUCTURE begins that may go on from the state in a folder.

    The state's own structure is left as it is: its matrices are of that cell, even where it has come close to a
    smaller one. Where another STRUCTURE is primitive in a cell that the state's is a multiple of, the state is left
    out and the run begins harmonically.

    :param tolerance: spglib's, angstrom
    :raises InputError: STRUCTURE is no single crystal, or the state is missing or of another composition
    """
    if start is None:
        return _reduced(structure, None, tolerance)
    if not start.is_dir():
        raise InputError("--start", f"no folder {start}", "give the OUTDIR of an earlier sscha command")
    earlier = read_frames(start / STRUCTURE_FILE, "--start")[0]
    if _same(_single(structure), earlier):
        return Beginning(earlier, len(earlier), start, min(tolerance, IMPOSED))
    reduced = _reduced(structure, start, tolerance)
    multiple = max(len(earlier) // len(reduced.atoms), 1)
    if sorted(earlier.symbols) != sorted(multiple * list(reduced.atoms.symbols)):
        raise InputError(
            "--start",
            f"{start} is of {earlier.symbols}, STRUCTURE of {reduced.atoms.symbols}",
            "give the same primitive cell",
        )
    if multiple == 1:
        return reduced
    LOG.info(
        "STRUCTURE is primitive with %d atoms, %s has %d: harmonic start from the smaller cell",
        len(reduced.atoms),
        start,
        len(earlier),
    )
    return Beginning(reduced.atoms, reduced.n_atoms_given, None, tolerance)


def read_structure(path: Path, tolerance: float) -> tuple[Atoms, int]:
    """The structure of a file as a symmetrised primitive cell, and its number of atoms before the reduction.

    :raises InputError: the file holds none or several structures, or one that is no crystal
    """
    atoms = _single(path)
    primitive = primitive_cell(atoms, tolerance)
    if len(primitive) != len(atoms):
        LOG.info("the cell of %d atoms is not primitive: reduced to %d atoms", len(atoms), len(primitive))
    return primitive, len(atoms)


def _reduced(structure: Path, state: Path | None, tolerance: float) -> Beginning:
    atoms, n_atoms_given = read_structure(structure, tolerance)
    return Beginning(atoms, n_atoms_given, state, tolerance)


def _single(path: Path) -> Atoms:
    frames = read_frames(path, "STRUCTURE")
    if len(frames) > 1:
        raise InputError("STRUCTURE", f"{path} holds {len(frames)} structures", "give a file with one")
    return frames[0]


def _same(atoms: Atoms, other: Atoms) -> bool:
    return (
        list(atoms.symbols) == list(other.symbols)
        and np.allclose(atoms.cell.array, other.cell.array, atol=SAME)
        and np.allclose(atoms.positions, other.positions, atol=SAME)
    )
