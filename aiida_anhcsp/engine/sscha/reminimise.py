"""SSCHA on the labels of a reference: an ensemble of one potential with the energies and forces of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from sscha.Ensemble import Ensemble

from ..errors import InputError
from ..frames import labels_of
from .dynamics import Phonons, to_atoms
from .ensemble import fill, measure
from .evaluation import Labels
from .minimise import StageError, run_minimiser
from .reports import Estimate, Measurement
from .settings import Minimisation

SAME_POSITION = 1e-3
GROUPS = 10
"""Of configurations, of which the jackknife leaves out one at a time."""
FEWEST = 4
"""Configurations that have an error."""


@dataclass(frozen=True)
class Reminimised:
    """Where the minimisation on the reference's labels ended.

    ``gain`` is the free energy there less that of the reference at the matrices given, eV per primitive cell, both on
    the same configurations, which biases it low, the more the fewer they are (:func:`correction_at_minimum` is without
    that bias); ``displacement`` is the largest of a centroid, angstrom. ``before`` measures the matrices given on the
    same configurations: honest where these are fresh; ``after`` the matrices found, on the ensemble they were found on.
    """

    phonons: Phonons
    gain: float
    before: Measurement
    after: Measurement
    converged: bool
    displacement: float


def reminimise(phonons: Phonons, temperature: float, frames: Sequence[Atoms]) -> Reminimised:
    """Minimise the free energy of a reference on labelled configurations of the matrices' Gaussian, at a fixed cell.

    The configurations are reweighted while centroids and matrices move, so that no new ones have to be labelled; this
    lowers the first-order bound <V_ref> to the reference's own SSCHA minimum as far as the ensemble carries.

    :param temperature: K, that the configurations were drawn at
    :param frames: configurations with the reference's energy and forces
    :raises InputError: a frame is no configuration of the matrices' supercell, or lacks forces
    :raises StageError: python-sscha finds no positive definite matrix
    """
    ensemble, reference = labelled_ensemble(phonons, temperature, frames)
    before = measure(ensemble, reference, paired=False)
    minimiser = run_minimiser(ensemble, Minimisation())
    after = measure(ensemble, reference, paired=False)
    moved = minimiser.dyn.structure.coords - phonons.structure.coords
    return Reminimised(
        phonons=minimiser.dyn.Copy(),
        gain=after.free_energy.value - before.free_energy.value,
        before=before,
        after=after,
        converged=bool(minimiser.is_converged()),
        displacement=float(np.linalg.norm(moved, axis=1).max()),
    )


def correction_at_minimum(
    phonons: Phonons, temperature: float, reference: Sequence[Atoms], model: Sequence[Atoms]
) -> tuple[Reminimised, Estimate]:
    """The reference's own minimum, and its free energy less that of the model's, eV per primitive cell.

    The matrices given are the model's. Minimised on a few configurations even the model gains something: noise, and a
    bias that the reference has too. So both are minimised on the same configurations, and in the difference it cancels.
    The error is that of a delete-a-group jackknife; where the configurations are too few for that, or one of its
    minimisations fails, nothing is known but what the reference gained, which is the error then.

    :param temperature: K, that the configurations were drawn at
    :param reference: those of :func:`reminimise`
    :param model: the same with the model's energies and forces
    :raises InputError: as :func:`reminimise`
    :raises StageError: as :func:`reminimise`
    """

    def minima(places: Sequence[int]) -> tuple[Reminimised, Reminimised]:
        theirs, ours = (
            reminimise(phonons, temperature, [frames[place] for place in places]) for frames in (reference, model)
        )
        return theirs, ours

    theirs, ours = minima(range(len(reference)))
    difference = theirs.after.free_energy.value - ours.after.free_energy.value
    groups, differences = min(GROUPS, len(reference)), []
    for group in range(groups) if len(reference) >= FEWEST else ():
        try:
            left = minima([place for place in range(len(reference)) if place % groups != group])
        except StageError:
            return theirs, Estimate(difference, abs(theirs.gain))
        differences.append(left[0].after.free_energy.value - left[1].after.free_energy.value)
    error = float(np.sqrt((groups - 1) * np.var(differences))) if differences else abs(theirs.gain)
    return theirs, Estimate(difference, error)


def labelled_ensemble(phonons: Phonons, temperature: float, frames: Sequence[Atoms]) -> tuple[Ensemble, float]:
    """Ensemble of configurations that were labelled elsewhere, and the energy (eV per cell) subtracted from them.

    :raises InputError: as :func:`reminimise`
    """
    ensemble = Ensemble(phonons, temperature)
    template = phonons.structure.generate_supercell(phonons.GetSupercell())
    supercell = to_atoms(template)
    structures = []
    for frame in frames:
        if list(frame.symbols) != list(supercell.symbols) or not np.allclose(
            frame.cell.array, supercell.cell.array, atol=SAME_POSITION
        ):
            raise InputError(
                "LABELS", f"frame {frame.info.get('id', '(none)')} is not of the ensemble's supercell", "label its own"
            )
        if not {"energy", "forces"} <= set(labels_of(frame)):
            raise InputError("LABELS", f"frame {frame.info.get('id', '(none)')} has no forces", "label forces too")
        structure = template.copy()
        structure.coords = np.array(frame.positions)
        structures.append(structure)
    ensemble.init_from_structures(structures)
    labels = [labels_of(frame) for frame in frames]
    energies = np.array([label["energy"] for label in labels])
    reference = float(energies.mean()) / int(np.prod(phonons.GetSupercell()))
    stresses = np.array([voigt_6_to_full_3x3_stress(label.get("stress", np.zeros(6))) for label in labels])
    fill(ensemble, Labels(energies, np.array([label["forces"] for label in labels]), stresses), reference)
    return ensemble, reference
