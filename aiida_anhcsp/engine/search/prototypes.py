"""Known structure types with the elements of the search, which join the first generation."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms
from ase.data import chemical_symbols

from .composition import Composition
from .displace import displaced
from .fingerprint import distance, fingerprint
from .geometry import reduced
from .initial import generator_of, named, random_source
from .multiply import with_atoms
from .settings import SearchSettings

log = logging.getLogger(__name__)

SAME = 0.01
"""Cosine distance of fingerprints within which two decorations are one structure."""
TOLERANCE = 1e-3
"""Of the symmetry of a prototype, angstrom."""


@dataclass(frozen=True)
class Decorated:
    """A prototype, by its AFLOW label, with the elements of a composition on its sites, at any volume."""

    label: str
    frame: Atoms
    composition: Composition


def with_prototypes(population: Sequence[Atoms], settings: SearchSettings) -> list[Atoms]:
    """The first generation followed by as many prototypes as the settings ask for, with the operator ``prototype``.

    The prototypes are those of AFLOW's library (Mehl et al., Comput. Mater. Sci. 136, S1 (2017)) that pymatgen
    brings along. All whose stoichiometry is that of a composition, with the elements on their sites in every way
    that the numbers allow, are drawn with equal chance, each in the smallest cell of the search that holds it; at the
    volume of random structures, displaced like these. Those that break the minimum distances, and all but one of
    those that are the same, are left out, so that there may be fewer than asked for; the log says so.
    """
    frames = list(population)
    if settings.prototypes == 0:
        return frames
    options = list(_decorations(settings.compositions()))
    volumes, table = random_source(settings).volumes, settings.distance_table()
    elements = sorted(settings.elements)
    labels: list[str] = []
    prints: dict[str, list[np.ndarray]] = {}
    for place in generator_of(settings.seed, 0, len(frames)).permutation(len(options)):
        if len(labels) == settings.prototypes:
            break
        option = options[place]
        frame = option.frame.copy()
        volume = volumes[option.composition] * len(frame)
        frame.set_cell(frame.cell.array * np.cbrt(volume / frame.get_volume()), scale_atoms=True)
        frame = reduced(frame)
        own = fingerprint(frame, elements)
        others = prints.setdefault(frame.get_chemical_formula(empirical=True), [])
        if table.violation(frame) or (others and np.any(distance(own, np.array(others)) < SAME)):
            continue
        others.append(own)
        labels.append(option.label)
        frame = displaced(frame, settings.displacement, table, generator_of(settings.seed, 0, len(frames)))
        frames.append(named(frame, 0, len(frames), "prototype"))
    log.info("%d of %d prototypes asked for: %s", len(labels), settings.prototypes, ", ".join(labels) or "none fits")
    return frames


def _decorations(compositions: Sequence[Composition]) -> Iterator[Decorated]:
    """Every prototype with the elements of a composition, in the smallest composition that holds it."""
    known = set()
    by_size = sorted(compositions, key=lambda composition: composition.n_atoms)
    for label, primitive in _library():
        species, counts = np.unique(primitive.numbers, return_counts=True)
        for composition in by_size:
            multiple = composition.n_atoms // len(primitive)
            wanted = dict(zip(composition.elements, composition.counts, strict=True))
            for symbols in itertools.permutations(composition.elements, len(species)):
                if len(symbols) != len(wanted) or (label, symbols) in known:
                    continue
                if [wanted[symbol] for symbol in symbols] != list(multiple * counts):
                    continue
                known.add((label, symbols))
                decoration = dict(zip(species, symbols, strict=True))
                frame = with_atoms(primitive, multiple * len(primitive))
                frame.symbols = [decoration[number] for number in frame.numbers]
                yield Decorated(label, frame[np.argsort(frame.numbers, kind="stable")], composition)


def _library() -> Iterator[tuple[str, Atoms]]:
    """AFLOW labels and primitive cells; importing the library takes seconds."""
    from pymatgen.analysis.prototypes import AFLOW_PROTOTYPE_LIBRARY

    for entry in AFLOW_PROTOTYPE_LIBRARY:
        structure = entry["snl"].structure
        cell = (structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers)
        lattice, scaled, numbers = spglib.find_primitive(cell, TOLERANCE) or cell
        symbols = [chemical_symbols[number] for number in numbers]
        yield entry["tags"]["aflow"], Atoms(symbols, scaled_positions=scaled, cell=lattice, pbc=True)
