import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import bare, with_labels
from aiida_anhcsp.engine.potentials import Potential, load_potential
from aiida_anhcsp.engine.sscha.dynamics import Phonons, frequencies_gamma, harmonic, to_atoms, to_structure
from aiida_anhcsp.engine.sscha.ensemble import draw
from aiida_anhcsp.engine.sscha.reminimise import gain_error, reminimise

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


def test_the_error_of_the_gain_is_its_spread_over_ensembles(model, toy_potential):
    ensembles = [labelled(model, toy_potential, 40, seed) for seed in range(12)]
    gains = [reminimise(model, 0.0, frames).gain for frames in ensembles]
    errors = [gain_error(model, 0.0, frames, gain) for frames, gain in zip(ensembles[:3], gains[:3], strict=True)]
    assert np.mean(errors) == pytest.approx(np.std(gains, ddof=1), rel=0.6)


def test_too_few_labels_know_the_gain_no_better_than_its_size(model, toy_potential):
    assert gain_error(model, 0.0, labelled(model, toy_potential, 3), -0.002) == 0.002


def test_configurations_of_another_supercell_are_refused(model, toy_potential):
    frames = labelled(model, toy_potential, 2)
    frames[1].set_cell(1.1 * frames[1].cell)
    with pytest.raises(InputError, match=r"LABELS: frame .none. is not of the ensemble's supercell"):
        reminimise(model, 0.0, frames)


def test_labels_without_forces_are_refused(model):
    ensemble = draw(model, 0.0, 2, (1,), paired=False)
    with pytest.raises(InputError, match="has no forces"):
        reminimise(model, 0.0, [to_atoms(ensemble.supercell_structure)] * 2)
