from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.emt import EMT
from ase.units import GPa

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import with_labels
from aiida_anhcsp.engine.learning.focus import heights_of, shares_of
from aiida_anhcsp.engine.learning.gradient import GradientTraining
from aiida_anhcsp.engine.learning.graphs import join
from aiida_anhcsp.engine.learning.load import load_learner
from aiida_anhcsp.engine.learning.mtp import PARAMETERS
from aiida_anhcsp.engine.learning.mtp_errors import MtpErrors
from aiida_anhcsp.engine.learning.settings import Focus, TrainSettings, Weights
from aiida_anhcsp.engine.learning.train import train

from .conftest import TINY, emt_frames

MTP = 'mtp:new:{"level": 2, "cutoff": 4.0, "elements": ["Cu", "Au"]}'
NETWORK = f"mattersim:new:{str(TINY).replace(chr(39), chr(34))}"


def label(formula: str, energy: float, volume: float = 10.0) -> Atoms:
    """A label of so much per atom."""
    atoms = Atoms(formula)
    atoms.set_cell(np.eye(3) * (volume * len(atoms)) ** (1 / 3))
    return with_labels(atoms, energy * len(atoms), np.zeros((len(atoms), 3)), np.zeros(6))


def test_heights_are_those_above_the_tie_line():
    labels = [label("Cu", -1.0), label("Au2", -2.0), label("CuAu", -1.7), label("Cu3Au", -1.25), label("Cu", 0.5)]
    assert heights_of(labels, 0.0) == pytest.approx([0.0, 0.0, 0.0, 0.1, 1.5], abs=1e-6)


def test_an_element_without_a_label_draws_no_line_below_the_others():
    labels = [label("CuAu", -1.7), label("Cu2Au2", -1.4), label("Cu3Au", 2.0), label("Cu", -1.0), label("CuAu3", 0.0)]
    assert heights_of(labels, 0.0) == pytest.approx([0.0, 0.3, 3.35, 0.0, 0.0], abs=1e-6)


def test_pressure_counts_volume():
    labels = [label("Cu", -1.0, volume=10.0), label("Cu", -1.0, volume=12.0)]
    assert heights_of(labels, 100.0) == pytest.approx([0.0, 100 * GPa * 2.0])
    assert heights_of(labels, 0.0) == pytest.approx([0.0, 0.0])


def test_heights_do_not_depend_on_the_order_or_on_the_zero_of_an_element():
    labels = emt_frames(parents=8, children=2)
    heights = heights_of(labels, 0.0)
    assert heights_of(labels[::-1], 0.0)[::-1] == pytest.approx(heights, abs=1e-9)
    shifted = [
        with_labels(
            frame,
            frame.get_potential_energy() + 3.0 * sum(frame.symbols == "Au"),
            frame.get_forces(),
            frame.get_stress(),
        )
        for frame in labels
    ]
    assert heights_of(shifted, 0.0) == pytest.approx(heights, abs=1e-6)


def test_a_label_at_the_height_counts_a_quarter_and_the_mean_is_one():
    shares = shares_of([label("Cu", -1.0), label("Cu", -0.7), label("Cu", -0.4)], Focus(height=0.3))
    assert shares / shares[0] == pytest.approx([1, 1 / 4, 1 / 9], abs=1e-6)
    assert shares.mean() == pytest.approx(1)


def test_all_count_alike_without_a_focus():
    assert np.array_equal(shares_of([label("Cu", -1.0), label("Cu", 3.0)], None), [1.0, 1.0])


def test_the_derivatives_of_the_shared_errors_of_an_mtp_are_those_of_finite_differences():
    frames = emt_frames(parents=4, children=1)
    learner = load_learner(MTP, frames, seed=2)
    learner.data.initialize(np.random.default_rng(1))
    learner.data.optimized = PARAMETERS
    weights, shares = Weights(energy=1.0, force=0.3, stress=0.2), np.array([0.1, 1.5, 2.0, 0.4])
    errors = MtpErrors(frames, learner.data, weights, shares=shares)
    here = np.array(learner.data.parameters)
    alone = [MtpErrors([frame], learner.data, weights).value(here) for frame in frames]
    assert errors.value(here) == pytest.approx(np.mean(shares * alone), rel=1e-12)
    local = errors.expand()
    assert local.value == pytest.approx(errors.value(here), rel=1e-12)
    step = np.zeros_like(here)
    step[3] = 1e-5 * max(1.0, abs(here[3]))
    slope = (errors.value(here + step) - errors.value(here - step)) / (2 * step[3])
    assert 2 * local.gradient[3] == pytest.approx(slope, rel=1e-4)


def test_the_loss_of_a_network_is_the_sum_of_the_shared_losses(tmp_path):
    torch.set_default_dtype(torch.float32)
    frames = emt_frames(parents=3, children=1)
    learner = load_learner(NETWORK, frames, seed=2)
    settings = TrainSettings(seed=1).completed(1, learner.default_weights)
    graphs = [learner._graph(frame) for frame in frames]
    training = GradientTraining(learner.model, graphs, [], settings, checkpoint=tmp_path / "c", fingerprint="")
    alone = [float(training._loss([graph], graphs, differentiable=False)) for graph in graphs]
    shares = [0.2, 0.7, 2.1]
    for graph, share in zip(graphs, shares, strict=True):
        graph.share[:] = share
    assert torch.equal(join(graphs, "cpu").share, torch.tensor(shares))
    together = float(training._loss(graphs, graphs, differentiable=False))
    assert together == pytest.approx(float(np.dot(shares, alone)), rel=1e-5)


def high_and_low() -> list[Atoms]:
    """Labels near the lowest, and of cells compressed by a third, some eV/atom above."""
    low, high = emt_frames(parents=10, children=2), []
    for index, frame in enumerate(emt_frames(parents=10, children=2, seed=1)):
        copy = frame.copy()
        copy.set_cell(copy.cell * 0.8, scale_atoms=True)
        copy.info |= {"id": f"high-{index}", "parents": ""}
        copy.calc = EMT()
        high.append(with_labels(copy, copy.get_potential_energy(), copy.get_forces(), copy.get_stress()))
    return low + high


@pytest.mark.parametrize(("specification", "epochs"), [(MTP, 40), (NETWORK, 12)])
def test_low_labels_are_learned_better_with_a_focus(specification, epochs, tmp_path):
    frames = high_and_low()
    errors = {}
    for name, focus in (("all", None), ("low", {"height": 0.2})):
        learner = load_learner(specification, frames, seed=2)
        values = {"seed": 2, "epochs": epochs, "learning_rate": 5e-3, "split": {"validation": 0, "test": 0}}
        settings = TrainSettings.parse({**values, "focus": focus})
        metrics = train(frames, learner, settings, tmp_path / name, lambda record: None)
        evaluations = learner.evaluate(frames[:20])
        errors[name] = [
            (evaluation.energy - frame.get_potential_energy()) / len(frame)
            for frame, evaluation in zip(frames, evaluations, strict=False)
        ]
        assert ("low" in metrics["after"]) == (focus is not None)
    rms = {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in errors.items()}
    assert rms["low"] < 0.7 * rms["all"]
    assert metrics["after"]["low"]["energy"] == pytest.approx(1e3 * rms["low"], rel=0.5)


@pytest.mark.parametrize("focus", [{"height": 0}, {"pressure": 10}, {"height": 0.1, "width": 1}])
def test_a_focus_that_makes_no_sense_is_named(focus):
    with pytest.raises(InputError, match="focus"):
        TrainSettings.parse({"seed": 1, "focus": focus})
