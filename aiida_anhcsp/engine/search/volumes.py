"""Volume per atom under pressure: a first estimate from the elements, then what relaxed structures teach."""

from __future__ import annotations

import functools
import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from .composition import Composition

MURNAGHAN_EXPONENT = 4.0
DEFAULT_BULK_MODULUS = 20.0
CUBIC_ANGSTROM_PER_MOLAR_CM3 = 1.0 / 0.602214076
RELAXED_SHARE = 0.7
BEST_SHARE = 0.5
BOUND_ATOMS = {"H": (5.5, 10.0), "N": (9.0, 60.0), "O": (10.0, 60.0), "F": (11.0, 40.0)}
"""Volume (angstrom^3) and bulk modulus (GPa) of elements that are gases alone: as they are in compounds.

Hydrogen's reproduce the volumes of H3S from 50 to 250 GPa and of LaH10 at 150 GPa within 10 %.
"""


def atomic_volume(element: str, pressure: float) -> float:
    """Volume of an atom at ``pressure`` (GPa), angstrom^3: Murnaghan's V0 (1 + B' P / B0)^(-1/B') with B' = 4.

    V0 and B0 are those of the elemental solid (pymatgen's tables), or :data:`BOUND_ATOMS`.
    """
    volume, modulus = BOUND_ATOMS.get(element) or _elemental_solid(element)
    return volume * (1.0 + MURNAGHAN_EXPONENT * max(pressure, 0.0) / modulus) ** (-1.0 / MURNAGHAN_EXPONENT)


def volume_per_atom(composition: Composition, pressure: float) -> float:
    """Estimated mean volume of an atom at ``pressure`` (GPa), angstrom^3: atomic volumes added."""
    total = sum(
        count * atomic_volume(element, pressure)
        for element, count in zip(composition.elements, composition.counts, strict=True)
    )
    return total / composition.n_atoms


def volume_ratio(ranked: Sequence[Atoms], pressure: float) -> float:
    """What relaxed structures say of the estimate: 0.7 of their volume relative to it + 0.3 (as in MAGUS).

    :param ranked: relaxed structures, lowest first; the mean of the lower half counts
    :param pressure: GPa
    :return: factor of :func:`volume_per_atom`; 1 where nothing is relaxed yet
    """
    if not ranked:
        return 1.0
    best = ranked[: max(1, round(BEST_SHARE * len(ranked)))]
    ratios = [frame.get_volume() / estimated_volume(frame, pressure) for frame in best]
    return RELAXED_SHARE * float(np.mean(ratios)) + (1.0 - RELAXED_SHARE)


def estimated_volume(frame: Atoms, pressure: float) -> float:
    """Estimated volume of a frame's atoms at ``pressure`` (GPa), angstrom^3: atomic volumes added."""
    counts = Counter(frame.get_chemical_symbols())
    return sum(count * atomic_volume(element, pressure) for element, count in counts.items())


@functools.cache
def _elemental_solid(element: str) -> tuple[float, float]:
    from pymatgen.core import Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen warns of each property it has no value for
        solid = Element(element)
        molar_volume, bulk_modulus = solid.molar_volume, solid.bulk_modulus
    radius = float(covalent_radii[atomic_numbers[element]])
    volume = float(molar_volume) * CUBIC_ANGSTROM_PER_MOLAR_CM3 if molar_volume else (2.0 * radius) ** 3
    return volume, float(bulk_modulus) if bulk_modulus else DEFAULT_BULK_MODULUS
