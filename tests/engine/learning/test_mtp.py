from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from motep.calculator import make_calculator
from motep.io.mlip.mtp import read_mtp
from motep.loss import LossFunction, LossSetting

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import labels_of
from aiida_anhcsp.engine.learning.load import load_learner
from aiida_anhcsp.engine.learning.mtp import PARAMETERS
from aiida_anhcsp.engine.learning.mtp_basis import untrained_mtp
from aiida_anhcsp.engine.learning.mtp_errors import MtpErrors
from aiida_anhcsp.engine.learning.settings import TrainSettings, Weights
from aiida_anhcsp.engine.learning.train import train
from aiida_anhcsp.engine.potentials import load_potential

from .conftest import emt_frames

NEW = 'mtp:new:{"level": 6, "cutoff": 5.0, "elements": ["Cu", "Au"]}'


def _train(frames, specification, outdir, **settings):
    values = TrainSettings.parse({"seed": 2, "split": {"validation": 0.1, "test": 0.3}, **settings})
    return train(frames, load_learner(specification, frames, seed=2), values, outdir, lambda record: None)


@pytest.fixture(scope="module")
def frames() -> list[Atoms]:
    """Eighty frames of forty families: fewer are learned by heart."""
    return emt_frames(parents=40, children=2)


@pytest.fixture(scope="module")
def trained(frames, tmp_path_factory):
    """A folder with a trained MTP, and its metrics."""
    outdir = tmp_path_factory.mktemp("mtp")
    return outdir, _train(frames, NEW, outdir, epochs=150)


@pytest.mark.parametrize(
    ("level", "moments", "scalars"), [(2, 1, 1), (4, 2, 2), (6, 8, 5), (8, 18, 9), (10, 41, 16), (12, 84, 29)]
)
def test_basis_has_the_moments_of_mlip(level, moments, scalars):
    """The counts of MLIP's own untrained files, levels 2 to 12."""
    data = untrained_mtp(level, [1, 16], 0.5, 4.0)
    assert (data.alpha_moments_count, data.alpha_scalar_moments) == (moments, scalars)


def test_basis_is_invariant_under_rotation_and_permutation():
    data = untrained_mtp(12, [1, 16], 0.5, 4.0)
    rng = np.random.default_rng(1)
    data.initialize(rng)
    frame = Atoms("H3S", rng.random((4, 3)) * 3, cell=np.diag([3.0, 3.2, 3.4]), pbc=True)
    turned = frame[[3, 1, 0, 2]]
    turned.rotate(33, (1, 2, 3), rotate_cell=True)
    energies = []
    for structure in (frame, turned):
        structure.calc = make_calculator(data)
        energies.append(structure.get_potential_energy())
    assert energies[1] == pytest.approx(energies[0], rel=1e-10)


def test_mtp_learns_the_potential(trained, frames):
    metrics = trained[1]
    forces = np.concatenate([labels_of(frames[index])["forces"] for index in metrics["split"]["test"]])
    assert metrics["after"]["test"]["force"] < 0.4 * 1e3 * np.sqrt(np.mean(forces**2))


def test_written_mtp_is_what_was_trained(trained, frames):
    outdir, metrics = trained
    assert json.loads((outdir / "model.mtp.json").read_text()) == {"elements": ["Cu", "Au"]}
    assert read_mtp(outdir / "model.mtp").radial_funcs_count == 2
    index = metrics["split"]["test"][0]
    (evaluation,) = load_potential(f"mtp:{outdir / 'model.mtp'}").evaluate([frames[index]])
    (same,) = load_learner(f"mtp:{outdir / 'model.mtp'}", frames, seed=1).evaluate([frames[index]])
    assert evaluation.energy == pytest.approx(same.energy, abs=1e-9)


def test_retraining_begins_where_the_file_ended(trained, frames, tmp_path):
    outdir, parent = trained
    metrics = _train(frames, f"mtp:{outdir / 'model.mtp'}", tmp_path, epochs=2)
    assert metrics["before"]["test"] == pytest.approx(parent["after"]["test"], rel=1e-4)
    kept = min(parent["epochs"], key=lambda record: record["validation_loss"])
    assert metrics["epochs"][-1]["loss"] <= kept["loss"]


def test_squared_errors_are_those_of_motep_and_their_gradient_that_of_finite_differences(frames):
    learner = load_learner(NEW, frames, seed=2)
    learner.data.initialize(np.random.default_rng(1))
    learner.data.optimized = PARAMETERS
    setting = LossSetting(energy_weight=1.0, forces_weight=0.3, stress_weight=0.2)
    loss = LossFunction(frames[:4], learner.data, setting)
    errors = MtpErrors(frames[:4], learner.data, Weights(energy=1.0, force=0.3, stress=0.2))
    here = np.array(learner.data.parameters)
    assert errors.value(here) == pytest.approx(loss(here), rel=1e-12)
    local = errors.expand()
    assert local.value == pytest.approx(loss(here), rel=1e-12)
    for index in (0, 5, len(here) - 1):
        step = np.zeros_like(here)
        step[index] = 1e-5 * max(1.0, abs(here[index]))
        slope = (errors.value(here + step) - errors.value(here - step)) / (2 * step[index])
        assert 2 * local.gradient[index] == pytest.approx(slope, rel=1e-4)


def test_parameters_of_the_lowest_validation_loss_are_kept(frames, tmp_path):
    """Sixteen frames for forty parameters are soon learned by heart."""
    few, split = frames[:20], {"validation": 0.4, "test": 0.0, "seed": 3}
    learner = load_learner(NEW, few, seed=2)
    weights = Weights(energy=1.0, force=0.3, stress=0.3)
    values = TrainSettings.parse({"seed": 2, "epochs": 30, "split": split, "weights": weights})
    metrics = train(few, learner, values, tmp_path, lambda record: None)
    held_out = MtpErrors([few[index] for index in metrics["split"]["validation"]], learner.data, weights)
    losses = [record["validation_loss"] for record in metrics["epochs"]]
    assert held_out.value(np.array(learner.data.parameters)) == pytest.approx(min(losses), rel=1e-6)


def test_patience_ends_a_training(frames, tmp_path):
    few = frames[:20]
    split = {"validation": 0.4, "test": 0.0, "seed": 3}
    values = TrainSettings.parse({"seed": 2, "epochs": 100, "patience": 2, "split": split})
    metrics = train(few, load_learner(NEW, few, seed=2), values, tmp_path, lambda record: None)
    losses = [record["validation_loss"] for record in metrics["epochs"]]
    assert len(losses) < 100
    assert np.argmin(losses) == len(losses) - 3


def test_interrupted_training_goes_on_after_its_last_iteration(frames, tmp_path):
    values = TrainSettings.parse({"seed": 2, "epochs": 40})
    seen = []

    def die(record):
        seen.append(record)
        if len(seen) == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(frames, load_learner(NEW, frames, seed=2), values, tmp_path, die)
    metrics = train(frames, load_learner(NEW, frames, seed=2), values, tmp_path, seen.append)
    assert [record["epoch"] for record in seen] == list(range(40))
    losses = [record["loss"] for record in metrics["epochs"]]
    assert losses == [record["loss"] for record in seen]
    assert losses[20] <= losses[19]
    assert not (tmp_path / "checkpoint.npz").exists()


def test_checkpoint_of_another_training_is_not_continued(frames, tmp_path):
    def die(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(frames, load_learner(NEW, frames, seed=2), TrainSettings.parse({"seed": 2}), tmp_path, die)
    metrics = _train(frames[:60], NEW, tmp_path, epochs=3)
    assert [record["epoch"] for record in metrics["epochs"]] == [0, 1, 2]


def test_unknown_element_is_refused(frames, tmp_path):
    with pytest.raises(InputError, match="Au"):
        _train(frames, 'mtp:new:{"level": 4, "elements": ["Cu"]}', tmp_path)


@pytest.mark.parametrize(
    "options", ['{"level": 7}', '{"levels": 8}', '{"elements": ["Xx"]}', '{"minimum_distance": 9}']
)
def test_bad_option_is_refused(frames, options):
    with pytest.raises(InputError, match="--potential"):
        load_learner(f"mtp:new:{options}", frames, seed=1)
