"""Fingerprints of crystals, blind to orientation, order of atoms and choice of cell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.special import ndtr

from ..frames import bare
from .geometry import neighbours

R_MAX = 10.0
BIN = 0.08
SIGMA = 0.03
N_BINS = round(R_MAX / BIN)
REACH = 4.0 * SIGMA
VOLUME_PER_ATOM = 8.0


def fingerprint(frame: Atoms, elements: Sequence[str]) -> NDArray[np.float64]:
    """Radial fingerprint of Oganov and Valle, J. Chem. Phys. 130, 104504 (2009), of the shape, as a unit vector.

    The frame is first scaled to 8 angstrom^3 per atom: a difference of 0.2 % in all lengths, which is within the
    noise of a relaxation, would otherwise weigh as much as a different structure. Volumes are compared on their own.

    For each pair of elements A, B: F_AB(R) = sum over pairs of delta(R - R_ij) / (4 pi R_ij^2 (N_A N_B / V) dR) - 1,
    Gaussians of 0.03 angstrom integrated over bins of 0.08 angstrom up to 10 angstrom; components are weighted by
    sqrt(N_A N_B), so that the scalar product of two vectors is the cosine of the fingerprints.

    :param elements: all elements of the search, in an order common to all frames
    :return: shape (n_pairs_of_elements * 125,)
    """
    symbols = np.array(frame.get_chemical_symbols())
    scaled = bare(frame)
    scaled.set_cell(scaled.cell * np.cbrt(VOLUME_PER_ATOM * len(frame) / frame.get_volume()), scale_atoms=True)
    near = neighbours(scaled, R_MAX + REACH)
    kind = np.searchsorted(sorted(elements), symbols)
    counts = np.bincount(kind, minlength=len(elements))
    components = []
    for first, second in itertools.combinations_with_replacement(range(len(elements)), 2):
        product = float(counts[first] * counts[second])
        if product == 0.0:
            components.append(np.zeros(N_BINS))
            continue
        chosen = (kind[near.first] == first) & (kind[near.second] == second)
        distance = near.distance[chosen]
        weight = scaled.get_volume() / (4.0 * math.pi * distance**2 * product * BIN)
        components.append(math.sqrt(product) * (_histogram(distance, weight) - 1.0))
    vector = np.concatenate(components)
    return np.asarray(vector / np.linalg.norm(vector))


def distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine distance of fingerprints, from 0 (same) to 1: (1 - F1.F2) / 2, over the last axis."""
    return np.asarray(0.5 * (1.0 - np.clip(first @ second.T, -1.0, 1.0)))


def _histogram(distances: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussians integrated over the bins, shape (N_BINS,)."""
    histogram = np.zeros(N_BINS)
    lowest = np.floor((distances - REACH) / BIN).astype(int)
    for offset in range(math.ceil(2.0 * REACH / BIN) + 1):
        index = lowest + offset
        left = (index * BIN - distances) / SIGMA
        share = ndtr(left + BIN / SIGMA) - ndtr(left)
        inside = (index >= 0) & (index < N_BINS)
        histogram += np.bincount(index[inside], weights=(share * weights)[inside], minlength=N_BINS)
    return histogram
