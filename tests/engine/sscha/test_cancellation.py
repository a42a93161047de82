import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.frames import with_labels
from aiida_anhcsp.engine.potentials import Potential, load_potential
from aiida_anhcsp.engine.sscha.audit import configurations_of
from aiida_anhcsp.engine.sscha.cancellation import cancellation
from aiida_anhcsp.engine.sscha.dynamics import harmonic, to_structure

from .conftest import toy
from .toy import crystal

NUMBER = 2000


@pytest.fixture
def phonons():
    return harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=6.0, lam=0.0)))


def labelled(frames: list[Atoms], potential: Potential) -> list[Atoms]:
    return [
        with_labels(f, e.energy, e.forces, e.stress) for f, e in zip(frames, potential.evaluate(frames), strict=True)
    ]


def test_random_errors_average_out_with_the_root_of_their_number(phonons):
    model = labelled(configurations_of(phonons, 0.0, NUMBER, 1), load_potential(toy(k=6.0, lam=0.0)))
    rng = np.random.default_rng(1)
    noisy = [with_labels(f, 0.0, f.get_forces() + rng.normal(0, 0.1, (2, 3))) for f in model]
    found = cancellation(phonons, 0.0, model, noisy).summary()
    assert found["force_rmse"] == pytest.approx(100, rel=0.05)
    assert found["force_reduction"] == pytest.approx(NUMBER**0.5, rel=0.6)
    assert found["curvature_reduction"] > 20


def test_a_stiffer_reference_shows_in_the_curvature_and_not_in_the_gradient(phonons):
    frames = configurations_of(phonons, 0.0, NUMBER, 1)
    model, reference = (labelled(frames, load_potential(toy(k=k, lam=0.0))) for k in (6.0, 7.0))
    found = cancellation(phonons, 0.0, model, reference)
    assert found.curvature[0, 0] == pytest.approx(1.0, rel=0.1)
    assert found.curvature[0, 3] == pytest.approx(-1.0, rel=0.1)
    assert found.summary()["force_reduction"] > 15


def test_labels_must_be_of_the_same_configurations(phonons, toy_potential):
    model = labelled(configurations_of(phonons, 0.0, 3, 1), toy_potential)
    with pytest.raises(ValueError, match="2 labels for 3 configurations"):
        cancellation(phonons, 0.0, model, model[:2])
