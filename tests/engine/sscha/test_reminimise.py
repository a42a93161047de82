import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import bare, with_labels
from aiida_anhcsp.engine.potentials import Potential, load_potential
from aiida_anhcsp.engine.sscha.dynamics import Phonons, frequencies_gamma, harmonic, to_atoms, to_structure
from aiida_anhcsp.engine.sscha.ensemble import draw
from aiida_anhcsp.engine.sscha.reminimise import correction_at_minimum, reminimise

from .conftest import toy
from .toy import crystal, exact, functional


def labelled(phonons: Phonons, potential: Potential, number: int, seed: int = 1) -> list[Atoms]:
    """Configurations of the matrices' Gaussian with the labels of a potential."""
    ensemble = draw(phonons, 0.0, number, (seed,), paired=False)
    template = to_atoms(ensemble.supercell_structure)
    frames = []
    for positions in ensemble.xats:
        frame = bare(template)
        frame.positions = positions
        (label,) = potential.evaluate([frame])
        frames.append(with_labels(frame, label.energy, label.forces, label.stress))
    return frames


@pytest.fixture
def model() -> Phonons:
    """A model whose bond is too stiff: k = 7 where the reference's own solution has 5.9."""
    return harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=7.0, lam=0.0)))


def test_the_reference_s_own_minimum_is_found_on_the_model_s_ensemble(model, toy_potential):
    outcome = reminimise(model, 0.0, labelled(model, toy_potential, 300))
    frequency, free_energy = exact(5.0, 0.0)
    assert outcome.converged
    assert frequencies_gamma(outcome.phonons)[-1] == pytest.approx(frequency, rel=0.02)
    assert outcome.gain == pytest.approx(free_energy - functional(7.0, 5.0, 0.0), abs=2e-4)
    assert outcome.after.kong_liu_ratio > 0.5


def test_the_model_s_own_labels_change_nothing(model):
    outcome = reminimise(model, 0.0, labelled(model, load_potential(toy(k=7.0, lam=0.0)), 40))
    assert outcome.gain == pytest.approx(0, abs=1e-6)


@pytest.fixture
def at_minimum() -> tuple[Phonons, Potential]:
    """An anharmonic model, k = 3 with a quartic term, at its own minimum."""
    potential = load_potential(toy(k=3.0))
    start = harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=5.0, lam=0.0)))
    return reminimise(start, 0.0, labelled(start, potential, 1000, seed=99)).phonons, potential


def test_minimised_on_the_same_few_configurations_the_noise_cancels(at_minimum, toy_potential):
    phonons, potential = at_minimum
    ensembles = [[labelled(phonons, each, 20, seed) for each in (toy_potential, potential)] for seed in range(12)]
    minima = [reminimise(phonons, 0.0, theirs).after.free_energy.value for theirs, _ in ensembles]
    found = [correction_at_minimum(phonons, 0.0, *both)[1] for both in ensembles]
    values = np.array([each.value for each in found])
    assert np.std(values) < 0.5 * np.std(minima)
    assert np.mean(values) == pytest.approx(exact(5.0, 0.0)[1] - exact(3.0, 0.0)[1], abs=np.std(values))
    assert np.mean([each.error for each in found]) == pytest.approx(np.std(values, ddof=1), rel=0.6)


def test_too_few_labels_know_the_gain_no_better_than_its_size(model, toy_potential):
    stiff = load_potential(toy(k=7.0, lam=0.0))
    both = [labelled(model, each, 3) for each in (toy_potential, stiff)]
    _, found = correction_at_minimum(model, 0.0, *both)
    assert found.error == pytest.approx(abs(reminimise(model, 0.0, both[0]).gain))


def test_configurations_of_another_supercell_are_refused(model, toy_potential):
    frames = labelled(model, toy_potential, 2)
    frames[1].set_cell(1.1 * frames[1].cell)
    with pytest.raises(InputError, match=r"LABELS: frame .none. is not of the ensemble's supercell"):
        reminimise(model, 0.0, frames)


def test_labels_without_forces_are_refused(model):
    ensemble = draw(model, 0.0, 2, (1,), paired=False)
    with pytest.raises(InputError, match="has no forces"):
        reminimise(model, 0.0, [to_atoms(ensemble.supercell_structure)] * 2)
