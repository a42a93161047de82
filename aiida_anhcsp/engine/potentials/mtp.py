"""Moment tensor potentials (MLIP's format), computed by motep's C engine."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from motep.io.mlip.mtp import read_mtp
from motep.potentials.mtp.cext.engine import CExtMTPEngine
from motep.potentials.mtp.data import MTPData

from ..errors import InputError
from ..neighbours import NeighborList
from .base import Evaluation
from .screening import ScreenedPotential, reduced_cell

logging.getLogger("motep.potentials.mtp.base").setLevel(logging.ERROR)  # it warns at every short distance


class _Engine(CExtMTPEngine):
    """motep's C engine with neighbours by vesin, made anew for every frame.

    motep's own list (ASE's, in Python) takes 6.7 ms for 32 atoms of H3S at 150 GPa, its energy and forces 0.8 ms.
    """

    def update_neighbor_list(self, atoms: Atoms) -> bool:
        """Fill ``_neighbors`` (n_atoms, most neighbours), -1 where there is none, and the images' ``_offsets``."""
        cell = reduced_cell(atoms.cell.array)
        neighbours = NeighborList(
            cutoff=float(self.mtp_data.radial_basis.max), full_list=True, sorted=True, n_threads=1
        )
        pairs, shifts = neighbours.compute(points=atoms.positions, box=cell, periodic=True, quantities="PS")
        first, second = pairs.T.astype(np.int64)
        counts = np.bincount(first, minlength=len(atoms))
        place = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
        self._neighbors = np.full((len(atoms), counts.max()), -1, dtype=np.int32)
        self._neighbors[first, place] = second
        self._offsets = np.zeros((*self._neighbors.shape, 3))
        self._offsets[first, place] = shifts @ cell
        return True


class MtpPotential(ScreenedPotential):
    """A moment tensor potential."""

    def __init__(self, data: MTPData, elements: Sequence[str]) -> None:
        self.elements = self.known = frozenset(elements)
        self.cutoff = float(data.radial_basis.max)
        self._engine = _Engine(data, mode="run")

    def evaluate_sane(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        return [self._evaluate_one(frame) for frame in frames]

    def _evaluate_one(self, frame: Atoms) -> Evaluation:
        results = self._engine.calculate(frame)
        return Evaluation(
            "ok",
            energy=float(results["energy"]),
            forces=np.array(results["forces"], dtype=float),
            stress=np.array(results["stress"], dtype=float),
        )


def load_mtp(path: Path, argument: str = "--potential") -> MtpPotential:
    """Load an MLIP ``.mtp`` file; its species, in order, come from ``FILE.json``: ``{"elements": ["H", "S"]}``.

    :raises InputError: the file is no trained MTP, or its species are missing or do not fit it
    """
    elements = read_elements(path, argument)
    try:
        data = read_mtp(path)
        count = int(data.species_count)
        trained = data.radial_coeffs is not None and data.moment_coeffs is not None
        data.species = [atomic_numbers[element] for element in elements]
    except Exception as error:
        raise InputError(
            argument, f"{path} cannot be read as MTP ({type(error).__name__}: {error})", "give an MLIP .mtp file"
        ) from error
    if not trained:
        raise InputError(argument, f"{path} is an untrained MTP", "give a trained one")
    if count != len(elements):
        raise InputError(
            argument, f"{path} has {count} species and {path}.json {len(elements)}", "name the species of the file"
        )
    return MtpPotential(data, elements)


def read_elements(path: Path, argument: str = "--potential") -> list[str]:
    """Species of an MTP in the order of its file, from ``FILE.json``.

    :raises InputError: no such file, or it does not name chemical elements
    """
    side = Path(f"{path}.json")
    fix = f'write {side} with {{"elements": ["H", "S"]}}, in the order of the MTP'
    try:
        elements = json.loads(side.read_text())["elements"]
    except FileNotFoundError as error:
        raise InputError(argument, f"no file {side}", fix) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(argument, f"{side} names no elements", fix) from error
    if not isinstance(elements, list) or not elements or any(element not in atomic_numbers for element in elements):
        raise InputError(argument, f"{side} names {elements!r}", fix)
    return elements
