from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from mattersim.forcefield.potential import MatterSimCalculator

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import bare, labels_of, with_labels
from aiida_anhcsp.engine.learning import gradient
from aiida_anhcsp.engine.learning.errors import TrainingMemoryError
from aiida_anhcsp.engine.learning.load import load_learner
from aiida_anhcsp.engine.learning.m3gnet import new_model, species_shifts
from aiida_anhcsp.engine.learning.mattersim import MatterSimLearner
from aiida_anhcsp.engine.learning.settings import TrainSettings
from aiida_anhcsp.engine.learning.train import train
from aiida_anhcsp.engine.potentials import load_potential

from .conftest import TINY, emt_frames

SPLIT = {"validation": 0.1, "test": 0.3}


def _settings(**values):
    return TrainSettings.parse({"seed": 3, "learning_rate": 1e-2, "batch_size": 4, **values})


def _learner(seed=3):
    return MatterSimLearner(new_model(TINY, seed), [], is_new=True)


def _train(frames, learner, outdir, **settings):
    return train(frames, learner, _settings(**settings), outdir, lambda record: None)


@pytest.fixture(scope="module")
def trained(frames, tmp_path_factory):
    """A folder with a model trained for 80 epochs, and its metrics."""
    torch.set_num_threads(1)
    outdir = tmp_path_factory.mktemp("trained")
    return outdir, _train(frames, _learner(), outdir, epochs=80, batch_size=8, learning_rate=2e-2, split=SPLIT)


def test_network_learns_the_potential(trained, frames, tmp_path):
    """Errors on unseen families fall to a fraction of those of the same network with fitted shifts only."""
    untrained = _train(frames, _learner(), tmp_path, epochs=1, learning_rate=1e-12, split=SPLIT)["after"]["test"]
    learned = trained[1]["after"]["test"]
    assert learned["energy"] < 0.6 * untrained["energy"]
    assert learned["force"] < 0.3 * untrained["force"]


def test_same_seed_gives_the_same_weights(frames, tmp_path):
    models = []
    for name in ("first", "second"):
        learner = _learner()
        _train(frames, learner, tmp_path / name, epochs=2)
        models.append(learner.model.state_dict())
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])


def test_checkpoint_gives_the_same_in_stock_mattersim(trained, frames):
    outdir, metrics = trained
    calculator = MatterSimCalculator(load_path=str(outdir / "model.pth"), device="cpu")
    errors = []
    for index in metrics["split"]["test"]:
        frame = bare(frames[index])
        frame.calc = calculator
        errors.append(1e3 * (frame.get_potential_energy() - labels_of(frames[index])["energy"]) / len(frame))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(metrics["after"]["test"]["energy"], rel=1e-3)


def test_checkpoint_holds_weights_and_elements_only(trained):
    checkpoint = torch.load(trained[0] / "model.pth", weights_only=True)
    assert checkpoint["elements"] == ["Au", "Cu"]
    assert not checkpoint["optimizer"] and not checkpoint["ema"]
    assert not (trained[0] / "checkpoint.pth").exists()


def test_engine_evaluates_what_was_trained(trained, frames):
    outdir, metrics = trained
    potential = load_potential(f"mattersim:{outdir / 'model.pth'}")
    test = [frames[index] for index in metrics["split"]["test"]]
    differences = [
        evaluation.forces - labels_of(frame)["forces"]
        for frame, evaluation in zip(test, potential.evaluate(test), strict=True)
    ]
    rms = 1e3 * np.sqrt(np.mean(np.concatenate(differences) ** 2))
    assert rms == pytest.approx(metrics["after"]["test"]["force"], rel=1e-3)


def test_finetuning_begins_where_its_parent_ended(trained, frames, tmp_path):
    outdir, parent = trained
    learner = load_learner(f"mattersim:{outdir / 'model.pth'}", frames, seed=3)
    metrics = _train(frames, learner, tmp_path, epochs=1, split=SPLIT)
    for part in ("train", "validation", "test"):
        assert metrics["before"][part] == pytest.approx(parent["after"][part], rel=1e-4)


def test_finetuning_inherits_neither_epoch_nor_learning_rate(trained, frames, tmp_path):
    learner = load_learner(f"mattersim:{trained[0] / 'model.pth'}", frames, seed=3)
    epochs = _train(frames, learner, tmp_path, epochs=2, learning_rate=1e-4)["epochs"]
    assert [record["epoch"] for record in epochs] == [0, 1]
    assert epochs[0]["learning_rate"] == 1e-4


def test_shifts_recover_an_offset_per_species_exactly(trained, frames, tmp_path):
    """Labels that are the model's own, plus a constant per species: the fit must return the constants."""
    offsets = {"Au": -3.25, "Cu": 1.5}
    learner = load_learner(f"mattersim:{trained[0] / 'model.pth'}", frames, seed=3)
    own = [
        with_labels(
            frame,
            evaluation.energy + sum(offsets[symbol] for symbol in frame.symbols),
            evaluation.forces,
            evaluation.stress,
        )
        for frame, evaluation in zip(frames, learner.evaluate(frames), strict=True)
    ]
    metrics = _train(own, learner, tmp_path, epochs=1, learning_rate=1e-12)
    assert metrics["shifts"] == pytest.approx(offsets, abs=2e-5)
    assert metrics["after"]["test"]["energy"] < 0.02


def test_shifts_of_one_composition_are_finite():
    shifts = species_shifts([np.array([1, 1, 1, 16])] * 3, np.array([4.0, 4.0, 4.0]))
    assert 3 * shifts["H"] + shifts["S"] == pytest.approx(4.0)


def test_interrupted_training_ends_as_an_uninterrupted_one(frames, tmp_path):
    whole = _learner()
    expected = _train(frames, whole, tmp_path / "whole", epochs=4)

    class KilledError(Exception):
        pass

    def die(record):
        if record["epoch"] == 1:
            raise KilledError

    with pytest.raises(KilledError):
        train(frames, _learner(), _settings(epochs=4), tmp_path / "resumed", die)
    resumed, seen = _learner(), []
    metrics = train(frames, resumed, _settings(epochs=4), tmp_path / "resumed", seen.append)
    assert [record["epoch"] for record in seen] == [2, 3]
    assert metrics["epochs"] == expected["epochs"]
    state, reference = resumed.model.state_dict(), whole.model.state_dict()
    assert all(torch.equal(state[name], reference[name]) for name in reference)


def test_checkpoint_of_another_training_is_not_continued(frames, tmp_path):
    def die(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(frames, _learner(), _settings(epochs=2), tmp_path, die)
    metrics = _train(frames, _learner(), tmp_path, epochs=2, learning_rate=2e-3)
    assert metrics["epochs"][0]["learning_rate"] == 2e-3


def test_divergence_halves_the_learning_rate_and_goes_on(frames, tmp_path, monkeypatch):
    step, calls = gradient.GradientTraining._step, []

    def first_fails(self, graphs):
        calls.append(1)
        if len(calls) == 3:
            raise FloatingPointError("the loss is nan")
        return step(self, graphs)

    monkeypatch.setattr(gradient.GradientTraining, "_step", first_fails)
    metrics = _train(frames, _learner(), tmp_path, epochs=2, schedule="constant")
    assert [record["learning_rate"] for record in metrics["epochs"]] == [5e-3, 5e-3]


def test_hopeless_training_ends_with_a_reason(frames, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    with pytest.raises(gradient.TrainingDivergedError, match="4 learning rates"):
        _train(frames, _learner(), tmp_path, epochs=5, learning_rate=1e30, gradient_clip=None)
    assert caplog.text.count("half the learning rate") == 3


def test_too_small_a_memory_costs_time_only(frames, tmp_path, monkeypatch):
    """Gradients summed over pieces are those of the whole batch."""
    whole, pieces = _learner(), _learner()
    _train(frames, whole, tmp_path / "whole", epochs=1)
    loss = gradient.GradientTraining._loss

    def out_of_memory(self, piece, *arguments, **options):
        if len(piece) > 2:
            raise torch.OutOfMemoryError
        return loss(self, piece, *arguments, **options)

    monkeypatch.setattr(gradient.GradientTraining, "_loss", out_of_memory)
    _train(frames, pieces, tmp_path / "pieces", epochs=1)
    for mine, reference in zip(pieces.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-5)


def test_too_small_a_memory_evaluates_fewer_frames_at_a_time(frames, monkeypatch):
    learner, evaluate = _learner(), MatterSimLearner._evaluate
    expected = learner.evaluate(frames)

    def out_of_memory(self, graphs):
        if len(graphs) > 3:
            raise torch.OutOfMemoryError
        return evaluate(self, graphs)

    monkeypatch.setattr(MatterSimLearner, "_evaluate", out_of_memory)
    evaluations = learner.evaluate(frames)
    energies = [[each.energy for each in one] for one in (evaluations, expected)]
    np.testing.assert_allclose(*energies, rtol=1e-5, atol=1e-5)


def test_checkpoint_is_known_again_although_the_fit_of_the_shifts_differs_in_its_last_bits(
    frames, tmp_path, monkeypatch
):
    """As sums on a GPU do."""

    def die(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(frames, _learner(), _settings(epochs=2), tmp_path, die)
    fit = MatterSimLearner._fit_shifts

    def rounded_otherwise(self, members):
        shifts = fit(self, members)
        self.model.normalizer.shift *= 1 + 1e-6
        return shifts

    monkeypatch.setattr(MatterSimLearner, "_fit_shifts", rounded_otherwise)
    seen = []
    train(frames, _learner(), _settings(epochs=2), tmp_path, seen.append)
    assert [record["epoch"] for record in seen] == [1]


def test_trainings_of_different_seeds_share_a_split_by_its_own(frames, tmp_path):
    parts = [
        _train(frames, _learner(), tmp_path / str(seed), epochs=1, seed=seed, split={"seed": 7})["split"]
        for seed in (1, 2)
    ]
    assert parts[0] == parts[1]


def test_early_stopping_returns_the_best_epoch(frames, tmp_path):
    learner = _learner()
    metrics = _train(frames, learner, tmp_path, epochs=40, learning_rate=0.3, schedule="constant", patience=2)
    losses = [record["validation_loss"] for record in metrics["epochs"]]
    assert len(losses) < 40
    assert np.argmin(losses) == len(losses) - 3


def test_left_handed_cell_has_the_same_stress(trained, frames):
    learner = load_learner(f"mattersim:{trained[0] / 'model.pth'}", frames, seed=3)
    mirrored = with_labels(frames[0], **labels_of(frames[0]))
    mirrored.set_cell(frames[0].cell.array[[1, 0, 2]], scale_atoms=False)
    mirrored.calc = frames[0].calc
    plain, same = learner.evaluate([frames[0], mirrored])
    np.testing.assert_allclose(same.stress, plain.stress, atol=1e-6)


def test_overlapping_atoms_are_left_out_and_named(frames, tmp_path):
    bad = bare(frames[0])
    bad.positions[1] = bad.positions[0]
    bad = with_labels(bad, 1e5, np.zeros((2, 3)), np.zeros(6))
    metrics = _train([bad, *frames], _learner(), tmp_path, epochs=1)
    assert list(metrics["left_out"]) == ["0"]
    assert all(0 not in part for part in metrics["split"].values())


def test_errors_by_round_compare_with_the_former_model(trained, frames, tmp_path):
    new = emt_frames(parents=4, children=2, seed=9, round=2)
    old = [with_labels(frame, **labels_of(frame), round=1) for frame in frames]
    learner = load_learner(f"mattersim:{trained[0] / 'model.pth'}", frames, seed=3)
    metrics = _train([*old, *new], learner, tmp_path, epochs=2)
    assert metrics["by_round"]["2"]["before"]["count"] == 8
    assert set(metrics["by_round"]["1"]) == {"before", "before_held_out", "after", "after_held_out"}


def test_unknown_option_of_a_new_model_is_named(frames):
    with pytest.raises(InputError, match="layers"):
        load_learner('mattersim:new:{"layers": 3}', frames, seed=1)


def test_frozen_blocks_stay_as_they_are_and_the_others_learn(frames, tmp_path):
    learner = _learner()
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}
    _train(frames, learner, tmp_path, epochs=1, frozen_blocks=1)
    changed = {name.split(".")[0] for name, value in learner.model.named_parameters() if (value != before[name]).any()}
    assert changed == {"final"}  # the model has one block


def test_more_frozen_blocks_than_there_are_is_bad_input(frames, tmp_path):
    with pytest.raises(InputError, match="frozen_blocks: 2 of 1 blocks"):
        _train(frames, _learner(), tmp_path, epochs=1, frozen_blocks=2)


def test_memory_for_not_even_one_structure_is_an_error_of_its_own(frames, tmp_path, monkeypatch):
    def out_of_memory(self, piece, *arguments, **options):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(gradient.GradientTraining, "_loss", out_of_memory)
    with pytest.raises(TrainingMemoryError, match="one structure at a time"):
        _train(frames, _learner(), tmp_path, epochs=1)
