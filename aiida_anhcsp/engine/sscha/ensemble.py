"""Ensembles: drawn at a seed, evaluated in batches, and what they say about a thermodynamic point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.units import GPa
from numpy.typing import NDArray
from sscha.Ensemble import Bohr, Ensemble, Rydberg

from ..potentials.base import Potential
from .dynamics import Phonons, to_atoms
from .evaluation import Labels, evaluate_all
from .reports import Estimate, Measurement


def draw(phonons: Phonons, temperature: float, number: int, seed: Sequence[int], paired: bool) -> Ensemble:
    """Configurations of the Gaussian that the matrices define at a temperature (K).

    :param seed: non-negative integers that together make the seed
    :param paired: each displacement comes with its opposite (odd averages vanish, but pairs are not independent)
    """
    np.random.seed([word % 2**32 for word in seed])  # noqa: NPY002 - python-sscha draws from the global state
    ensemble = Ensemble(phonons, temperature)
    ensemble.generate(number, evenodd=paired)
    return ensemble


def evaluate(ensemble: Ensemble, potential: Potential, reference: float) -> Labels:
    """Fill an ensemble with the potential's labels, all configurations in one call.

    :param reference: static energy per primitive cell (eV), subtracted: python-sscha mixes values of the rydberg that
        would show in a large total energy
    :return: the labels, reference included
    :raises EvaluationError: a configuration could not be evaluated
    """
    template = to_atoms(ensemble.supercell_structure)
    frames = []
    for positions in ensemble.xats:
        frame = template.copy()
        frame.positions = positions
        frames.append(frame)
    labels = evaluate_all(potential, frames, "configurations")
    fill(ensemble, labels, reference)
    return labels


def fill(ensemble: Ensemble, labels: Labels, reference: float) -> None:
    """Give labels to an ensemble, in its own units: Ry per supercell, Ry/angstrom, Ry/bohr^3 with the other sign."""
    n_cells = int(np.prod(ensemble.supercell))
    ensemble.energies[:] = (labels.energies - n_cells * reference) / Rydberg
    ensemble.forces[:] = labels.forces / Rydberg
    ensemble.stresses[:] = -labels.stresses * Bohr**3 / Rydberg
    ensemble.force_computed[:] = True
    ensemble.stress_computed[:] = True
    ensemble.has_stress = True
    ensemble.init()


def measure(ensemble: Ensemble, reference: float, paired: bool) -> Measurement:
    """Free energy and pressure of an evaluated ensemble at its current matrices.

    F = F_harmonic + <V - V_harmonic>; the pressure is minus the trace of the stress of Monacelli et al., Phys. Rev. B
    98, 024106 (2018), configuration by configuration, so that both errors are those of a mean of independent values
    (of pairs, if the ensemble is paired).
    """
    n_cells = int(np.prod(ensemble.supercell))
    weights = np.asarray(ensemble.rho, dtype=float)
    harmonic = ensemble.current_dyn.GetHarmonicFreeEnergy(
        ensemble.current_T, w_pols=(ensemble.current_w, ensemble.current_pols)
    )
    anharmonic = _average((ensemble.energies - ensemble.sscha_energies) / n_cells, weights, paired)
    free_energy = Estimate(
        float(np.real(harmonic)) / n_cells * Rydberg + anharmonic.value * Rydberg + reference,
        anharmonic.error * Rydberg,
    )
    stresses = _stresses(ensemble)
    return Measurement(
        free_energy=free_energy,
        pressure=_average(-np.trace(stresses, axis1=1, axis2=2) / 3, weights, paired),
        stress=np.average(stresses, axis=0, weights=weights),
        volume=float(ensemble.current_dyn.structure.get_volume()),
        n_atoms=int(ensemble.current_dyn.structure.N_atoms),
        kong_liu_ratio=float(ensemble.get_effective_sample_size() / ensemble.N),
    )


def _stresses(ensemble: Ensemble) -> NDArray[np.float64]:
    """Stress of each configuration, shape (n, 3, 3), GPa, ASE's sign: the static one and the displacements' virial."""
    volume = ensemble.supercell_structure.get_volume()
    static = -np.asarray(ensemble.stresses) * Rydberg / Bohr**3
    displacements = np.asarray(ensemble.u_disps).reshape(ensemble.N, -1, 3)
    virial = np.einsum("nai,naj->nij", displacements, ensemble.forces) * Rydberg / volume
    return np.asarray((static + (virial + virial.transpose(0, 2, 1)) / 2) / GPa)


def _average(values: NDArray[np.float64], weights: NDArray[np.float64], paired: bool) -> Estimate:
    if not paired:
        return Estimate.of(values, weights)
    pairs = weights[::2] + weights[1::2]
    return Estimate.of((weights[::2] * values[::2] + weights[1::2] * values[1::2]) / pairs, pairs)
