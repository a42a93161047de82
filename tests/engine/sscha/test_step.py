import numpy as np
import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import with_labels
from aiida_anhcsp.engine.potentials import Potential, load_potential
from aiida_anhcsp.engine.sscha.audit import configurations_of
from aiida_anhcsp.engine.sscha.dynamics import Phonons, harmonic, to_structure
from aiida_anhcsp.engine.sscha.step import StepOutcome, describe_step, step

from .conftest import toy
from .toy import crystal, exact, static_energy

PRESSURE = 5.0


def population(phonons: Phonons, potential: Potential, seed: int, fixed_cell: bool = False) -> StepOutcome:
    frames = configurations_of(phonons, 0.0, 200, seed)
    labels = potential.evaluate(frames)
    labelled = [with_labels(f, e.energy, e.forces, e.stress) for f, e in zip(frames, labels, strict=True)]
    return step(phonons, 0.0, labelled, PRESSURE, fixed_cell, potential)


def test_a_few_populations_lead_from_a_model_to_the_reference(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=7.0, lam=0.0)))
    for seed in range(5):
        outcome = population(phonons, toy_potential, seed)
        document = describe_step(phonons, outcome, PRESSURE)
        if document["converged"]:
            break
        phonons = outcome.phonons
    assert document["converged"] and seed > 0
    assert document["volume"] == pytest.approx(24.3, rel=2e-3)
    bond = document["free_energy"] - static_energy(document["volume"])
    assert abs(bond - exact(5.0, 0.0)[1]) < 4 * document["free_energy_error"]


def test_a_fixed_cell_stays(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), toy_potential)
    outcome = population(phonons, toy_potential, 1, fixed_cell=True)
    assert np.array_equal(outcome.phonons.structure.unit_cell, phonons.structure.unit_cell)


def test_labels_without_stress_are_refused_for_they_would_tell_a_wrong_pressure(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), toy_potential)
    frames = [with_labels(frame, 0.0, [[0, 0, 0]] * 2) for frame in configurations_of(phonons, 0.0, 4, 1)]
    with pytest.raises(InputError, match="LABELS: frame a0000 has no stress"):
        step(phonons, 0.0, frames, PRESSURE, False, toy_potential)


def test_configurations_depend_on_the_seed_alone(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), toy_potential)
    first, again, other = (configurations_of(phonons, 0.0, 4, seed)[0].positions for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
