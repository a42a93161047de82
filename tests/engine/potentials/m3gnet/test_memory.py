"""Batches by bonds, and the memory they are said to need."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from aiida_anhcsp.engine.potentials.m3gnet import gradient
from aiida_anhcsp.engine.potentials.m3gnet.evaluate import evaluate_factorised
from aiida_anhcsp.engine.potentials.m3gnet.graph import bonds_of
from aiida_anhcsp.engine.potentials.m3gnet.memory import bonds_in_memory, bytes_per_bond

from ..models import random_frame, random_model

MODELS = [
    {"num_blocks": 3, "units": 128, "max_l": 4, "max_n": 4, "cutoff": 5.0, "threebody_cutoff": 4.0},
    {"num_blocks": 2, "units": 48, "max_l": 3, "max_n": 3, "cutoff": 4.5, "threebody_cutoff": 3.5},
    {"num_blocks": 1, "units": 16, "max_l": 4, "max_n": 4, "cutoff": 4.0, "threebody_cutoff": 4.0},
]


def peak_bytes(function):
    """Most bytes that torch held at a time while a function ran, beyond those before it."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        function()
    events = profiler.profiler.kineto_results.events()
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    return int(np.cumsum([size for _, size in changes]).max())


@pytest.mark.parametrize("arguments", MODELS)
def test_an_evaluation_stays_within_the_estimate_and_near_it(arguments, monkeypatch):
    monkeypatch.setitem(gradient.PORTION, "cpu", gradient.PORTION["cuda"])
    model = random_model(0, **arguments)
    frames = [random_frame(np.random.default_rng(1), 16, 3.7), random_frame(np.random.default_rng(2), 6, 3.0)]
    bonds = sum(len(bonds_of(frame, arguments["cutoff"])) for frame in frames)
    measured = peak_bytes(lambda: evaluate_factorised(model, frames)) / bonds
    assert 0.4 * bytes_per_bond(model) < measured < bytes_per_bond(model)


def test_every_batch_of_a_mixed_population_obeys_the_limit(monkeypatch):
    model = random_model(0)
    rng = np.random.default_rng(3)
    frames = [random_frame(rng, atoms, volume) for atoms in (1, 12, 2, 30, 4, 8) for volume in (3.6, 20.0)]
    bonds = [len(bonds_of(frame, model.model_args["cutoff"])) for frame in frames]
    limit = max(bonds)
    seen = []
    original = gradient._network
    monkeypatch.setattr(
        gradient, "_network", lambda stock, batch, *rest: seen.append(len(batch.first)) or original(stock, batch, *rest)
    )
    evaluations = evaluate_factorised(model, frames, most_bonds=lambda _: limit)
    assert max(seen) <= limit
    assert sum(seen) == sum(bonds)
    assert len(seen) < len(frames)
    expected = evaluate_factorised(model, frames)
    assert np.allclose([one.energy for one in evaluations], [one.energy for one in expected], atol=1e-4)


def test_a_frame_that_cannot_fit_fails_alone():
    model = random_model(0)
    rng = np.random.default_rng(3)
    frames = [random_frame(rng, atoms, 3.6) for atoms in (2, 24, 3)]
    limit = len(bonds_of(frames[1], model.model_args["cutoff"])) - 1
    statuses = [one.status for one in evaluate_factorised(model, frames, most_bonds=lambda _: limit)]
    assert statuses == ["ok", "failed", "ok"]


def test_the_main_memory_of_a_cpu_sets_no_limit():
    assert bonds_in_memory(random_model(0)) == float("inf")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_memory_of_a_gpu_sets_a_limit_that_holds():
    model = random_model(0, **MODELS[0]).to("cuda")
    rng = np.random.default_rng(4)
    frames = [random_frame(rng, 16, 3.7) for _ in range(8)]
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    bonds = sum(len(bonds_of(frame, 5.0)) for frame in frames)
    evaluate_factorised(model, frames)
    assert torch.cuda.max_memory_allocated() - before < bonds * bytes_per_bond(model)
