"""The same crystal reached more than once in SSCHA, and how much its free energies differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import spglib
from ase import Atoms

from .duplicates import find_duplicates
from .settings import DuplicateRule

TOLERANCE = 0.05
"""angstrom: centroids of SSCHA carry its noise"""
SAME_SHAPE = DuplicateRule(fingerprint=0.01, enthalpy=1e6, volume=0.05)
"""Whatever the free energies are: how far these lie apart is the question. Volumes of one crystal differ with the
potential."""

Energies = Mapping[str, float]


@dataclass(frozen=True)
class Divergence:
    """Runs, lowest first, that came to one crystal, and by kind of free energy how far these are apart (meV/atom)."""

    ids: tuple[str, ...]
    spread: Mapping[str, float]

    def summary(self) -> dict[str, object]:
        """For a JSON document: ``ids`` and ``divergence`` by kind."""
        return {"ids": list(self.ids), "divergence": dict(self.spread)}


def idealised(atoms: Atoms) -> Atoms:
    """The primitive cell with the symmetry that the structure has within :data:`TOLERANCE`."""
    cell = spglib.standardize_cell(
        (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), to_primitive=True, symprec=TOLERANCE
    )
    if cell is None:
        return atoms
    lattice, positions, numbers = cell
    return Atoms(numbers=numbers, scaled_positions=positions, cell=lattice, pbc=True)


def divergences(finals: Mapping[str, Atoms], energies: Mapping[str, Energies]) -> list[Divergence]:
    """Runs at one pressure and temperature that ended in the same crystal, by fingerprint and volume.

    The LaH10 study measures so what its potentials are worth: free energies of identical structures differ by up to
    20 meV/atom with potentials of their own, by up to 100 with reused ones, and by a few after the correction to DFT.

    :param finals: final cells and centroids by run
    :param energies: by run, Gibbs free energies (eV/atom) by kind; the kind named first ranks, and a run without it is
        left out
    :return: one entry for each crystal reached twice or more, with the spread of every kind that two of its runs have
    """
    frames = []
    for name in (name for name in finals if energies.get(name)):
        frame = idealised(finals[name])
        frame.info = {"id": name, "enthalpy": next(iter(energies[name].values()))}
        frames.append(frame)
    groups: dict[str, list[str]] = {}
    for name, lowest in find_duplicates(frames, SAME_SHAPE).items():
        groups.setdefault(lowest, [lowest]).append(name)
    return [Divergence(tuple(members), _spread([energies[name] for name in members])) for members in groups.values()]


def _spread(energies: Sequence[Energies]) -> dict[str, float]:
    kinds = list(dict.fromkeys(kind for values in energies for kind in values))
    found = {kind: [values[kind] for values in energies if kind in values] for kind in kinds}
    return {kind: 1000 * (max(values) - min(values)) for kind, values in found.items() if len(values) > 1}
