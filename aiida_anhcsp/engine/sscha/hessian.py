"""Free-energy Hessian of an SSCHA point, and dispersions along a path."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import seekpath
from cellconstructor.ForceTensor import get_phonons_in_qpath
from cellconstructor.Phonons import Phonons

from ..errors import InputError
from ..potentials.base import Potential
from .dynamics import frequencies_gamma, harmonic, lowest_frequency, to_atoms
from .ensemble import draw, evaluate
from .evaluation import static_energy

POINTS_PER_SEGMENT = 20
STABLE = -1.0
"""cm^-1; what is closer to zero is zero."""
SIGNIFICANT = 2.0
"""Standard deviations of the bootstrap."""


@dataclass(frozen=True)
class BandPath:
    """Points along straight segments of the Brillouin zone.

    ``points`` (n, 3) in 1/angstrom (without 2 pi), ``distances`` (n,) along the path, and the names and places of
    the special points.
    """

    points: np.ndarray
    distances: np.ndarray
    labels: list[str]
    label_distances: list[float]


@dataclass(frozen=True)
class HessianOutcome:
    """Symmetrised matrices, and the lowest squared frequency (cm^-2, negative if imaginary) of each resampling."""

    phonons: Phonons
    resampled: np.ndarray


def free_energy_hessian(
    phonons: Phonons,
    temperature: float,
    number: int,
    seed: int,
    potential: Potential,
    v4: bool = False,
    resamples: int = 0,
) -> HessianOutcome:
    """Second derivative of the free energy in the centroids.

    Bianco et al., Phys. Rev. B 96, 014111 (2017), from a fresh ensemble at the matrices given, which are taken to be
    those of the minimum.

    :param number: configurations of the ensemble, which are pairs
    :param v4: with the fourth-order term, see :func:`check_memory`
    :param resamples: how often the pairs are drawn with replacement (bootstrap) to see how far the noise carries
    :raises EvaluationError: the potential refuses a configuration
    """
    ensemble = draw(phonons, temperature, number, (seed, *phonons.GetSupercell(), number), paired=True)
    evaluate(ensemble, potential, static_energy(to_atoms(phonons.structure), potential))
    hessian = ensemble.get_free_energy_hessian(include_v4=v4)
    hessian.Symmetrize()
    generator, weights, squares = np.random.default_rng((seed, number, resamples)), ensemble.rho.copy(), []
    for _ in range(resamples):
        counts = generator.multinomial(number // 2, np.full(number // 2, 2 / number))
        ensemble.rho[:] = weights * np.repeat(counts, 2)
        resampled = ensemble.get_free_energy_hessian(include_v4=v4)
        resampled.Symmetrize()
        squares.append(_signed_square(lowest_frequency(resampled)))
    return HessianOutcome(hessian, np.array(squares))


def check_memory(n_atoms: int, available: int, v4: bool) -> None:
    """Refuse a Hessian whose tensor of highest order and the copy that is symmetrised do not fit.

    :param n_atoms: of the supercell
    :param available: bytes
    :param v4: with the fourth-order term
    :raises InputError: naming what is needed
    """
    for order in (3, 4) if v4 else (3,):
        needed = 2 * 8 * (3 * n_atoms) ** order
        if needed > available:
            argument, fix = ("SSCHA_OUTDIR", "use a smaller supercell") if order == 3 else ("--v4", "leave it out")
            problem = f"{n_atoms} atoms need {needed / 1e9:.1f} GB and {available / 1e9:.1f} GB are available"
            raise InputError(argument, problem, f"{fix}, or a machine with more memory")


def verdict(lowest: float, resampled: np.ndarray) -> dict[str, Any]:
    """Dynamical stability from the lowest frequency (cm^-1), translations aside, and how sure it is.

    ``dynamically_stable`` says that it is not imaginary by more than 1 cm^-1. ``stability`` is ``stable`` or
    ``unstable`` where its square is farther from zero than two standard deviations of the resampled ones and than
    1 cm^-2, ``undecided`` otherwise: a frequency of zero is no evidence of either. Without resampling there is none.
    A crystal without any vibration at the supercell's q points (``lowest`` infinite) is refused.

    :param resampled: lowest squared frequency (cm^-2) of each resampling, shape (n,)
    :raises InputError: there is no vibration to judge by
    """
    if not np.isfinite(lowest):
        raise InputError("SSCHA_OUTDIR", "a single atom has no vibrations at Gamma", "use a supercell")
    stable = lowest > STABLE
    if len(resampled) < 2:
        return {"lowest_frequency": lowest, "dynamically_stable": bool(stable)}
    error = float(np.std(resampled, ddof=1))
    sure = abs(_signed_square(lowest)) > max(SIGNIFICANT * error, STABLE**2)
    return {
        "lowest_frequency": lowest,
        "lowest_frequency_squared_error": error,
        "dynamically_stable": bool(stable),
        "stability": ("stable" if stable else "unstable") if sure else "undecided",
        "resamples": len(resampled),
    }


def describe(phonons: Phonons, outcome: HessianOutcome, potential: Potential, bands: BandPath | None) -> dict[str, Any]:
    """Result document: frequencies at Gamma and verdict; with bands also harmonic, auxiliary and Hessian bands.

    The verdict is that no mode of the supercell's q points, translations aside, is imaginary by more than 1 cm^-1.
    """
    hessian = outcome.phonons
    result: dict[str, Any] = {
        "frequencies_gamma": frequencies_gamma(hessian),
        "auxiliary_frequencies_gamma": frequencies_gamma(phonons),
        **verdict(lowest_frequency(hessian), outcome.resampled),
        "supercell": [int(number) for number in phonons.GetSupercell()],
    }
    if bands is None:
        return result
    bare = harmonic(phonons.structure, tuple(phonons.GetSupercell()), potential)
    result["dispersions"] = {
        "labels": bands.labels,
        "label_distances": bands.label_distances,
        "distances": bands.distances.tolist(),
        "points": bands.points.tolist(),
        "harmonic": _bands(bare, bands),
        "auxiliary": _bands(phonons, bands),
        "hessian": _bands(hessian, bands),
    }
    return result


def band_path(phonons: Phonons, path: str) -> BandPath:
    """Path through special points of the cell as it is: ``auto`` for seekpath's, or names such as GXMG or G-X_1-M.

    :raises InputError: a name seekpath does not know for this cell, or fewer than two of them
    """
    atoms = to_atoms(phonons.structure)
    found = seekpath.get_path_orig_cell(
        (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), with_time_reversal=True
    )
    places = found["point_coords"]
    if path == "auto":
        segments = found["path"]
    else:
        names = path.split("-") if "-" in path else list(path)
        names = ["GAMMA" if name in ("G", "GAMMA") else name for name in names]
        unknown = [name for name in names if name not in places]
        if unknown or len(names) < 2:
            problem = f"no point {unknown[0]} in this Brillouin zone" if unknown else "a path has two points at least"
            raise InputError("--path", problem, f"use {', '.join(sorted(places))} (G for GAMMA), or auto")
        segments = list(itertools.pairwise(names))
    reciprocal = np.linalg.inv(atoms.cell.array).T
    points, distances, labels, label_distances, travelled = [], [], [], [], 0.0
    for first, last in segments:
        start, end = (np.array(places[name]) @ reciprocal for name in (first, last))
        fractions = np.linspace(0, 1, POINTS_PER_SEGMENT)
        length = float(np.linalg.norm(end - start))
        points.append(start + fractions[:, None] * (end - start))
        distances.append(travelled + fractions * length)
        labels += [first, last]
        label_distances += [travelled, travelled + length]
        travelled += length
    return BandPath(np.concatenate(points), np.concatenate(distances), labels, label_distances)


def _signed_square(frequency: float) -> float:
    return float(np.sign(frequency) * frequency**2)


def _bands(phonons: Phonons, bands: BandPath) -> list[list[float]]:
    """Frequencies (n_points, n_modes), cm^-1, negative for imaginary ones, with the acoustic sum rule imposed."""
    return np.asarray(get_phonons_in_qpath(phonons, bands.points)).tolist()
