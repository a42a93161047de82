"""Volume per atom under pressure: a first estimate from the elements, then what relaxed structures teach."""

from __future__ import annotations

import functools
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from scipy.optimize import nnls

from .composition import Composition

MURNAGHAN_EXPONENT = 4.0
DEFAULT_BULK_MODULUS = 20.0
CUBIC_ANGSTROM_PER_MOLAR_CM3 = 1.0 / 0.602214076
BEST_SHARE = 0.5
PRIOR = 2.0
"""Relaxed structures of an element that the first estimate of its volume counts as."""
VOLUME_SPREAD = 0.1
"""By how much the cell of a random structure may be larger or smaller than the estimate."""
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


def volume_per_atom(composition: Composition, pressure: float, learned: Mapping[str, float] | None = None) -> float:
    """Estimated mean volume of an atom at ``pressure`` (GPa), angstrom^3: atomic volumes added.

    :param learned: factors of the atomic volumes of elements, 1 where there is none; see :func:`learned_factors`
    """
    total = sum(
        count * (learned or {}).get(element, 1.0) * atomic_volume(element, pressure)
        for element, count in zip(composition.elements, composition.counts, strict=True)
    )
    return total / composition.n_atoms


def learned_factors(ranked: Sequence[Atoms], pressure: float) -> dict[str, float]:
    """What relaxed structures say of the atomic volumes of their elements: a factor of each.

    A fit of their volumes, each in units of its estimate, by least squares with factors that are not negative, in which
    a factor of 1 of each element counts as much as :data:`PRIOR` structures of that element alone. (MAGUS has one
    factor for all elements, of which 0.7 of the new and 0.3 of the last value are kept.)

    :param ranked: relaxed structures, lowest first; the lower half counts
    :param pressure: GPa
    """
    best = ranked[: max(1, round(BEST_SHARE * len(ranked)))]
    elements = sorted({symbol for frame in best for symbol in frame.symbols})
    shares = np.zeros((len(best), len(elements)))
    ratios = np.zeros(len(best))
    for row, frame in enumerate(best):
        counts = Counter(frame.get_chemical_symbols())
        volumes = np.array([counts[element] * atomic_volume(element, pressure) for element in elements])
        shares[row] = volumes / volumes.sum()
        ratios[row] = frame.get_volume() / volumes.sum()
    prior = PRIOR**0.5
    system = np.vstack([shares, prior * np.eye(len(elements))])
    factors, _ = nnls(system, np.concatenate([ratios, np.full(len(elements), prior)]))
    return dict(zip(elements, factors.tolist(), strict=True))


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
