"""Two processes take the same steps as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import write_frames
from aiida_anhcsp.engine.learning.distributed import Group

from .conftest import TINY, emt_frames


def test_shares_of_a_batch_are_disjoint_and_whole() -> None:
    batch = list(range(7))
    shares = [list(Group(rank, 3).share(batch)) for rank in range(3)]
    assert sorted(part for share in shares for part in share) == batch
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_process_alone_adds_nothing_up() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.ones(2)
    assert Group().add_up(3.0, [parameter]) == 3.0 and parameter.grad.tolist() == [1, 1]


@pytest.mark.slow
def test_two_processes_have_the_loss_of_one_with_the_whole_batch(tmp_path: Path) -> None:
    write_frames(tmp_path / "dataset.extxyz", emt_frames(parents=10, children=1))
    losses, models = [], []
    for processes in (1, 2):
        outdir = tmp_path / str(processes)
        arguments = [tmp_path / "dataset.extxyz", outdir, "--potential", f"mattersim:new:{json.dumps(TINY)}"]
        options = {"--epochs": 3, "--learning-rate": 0.01, "--batch-size": 4, "--seed": 1, "--processes": processes}
        main(["train", *map(str, arguments), *(str(part) for option in options.items() for part in option)])
        epochs = json.loads((outdir / "metrics.json").read_text())["epochs"]
        losses.append([(epoch["loss"], epoch["validation_loss"]) for epoch in epochs])
        models.append(torch.load(outdir / "model.pth", weights_only=True)["model"])
    torch.testing.assert_close(torch.tensor(losses[1]), torch.tensor(losses[0]), rtol=1e-4, atol=1e-7)
    for name in models[0]:
        torch.testing.assert_close(models[1][name], models[0][name], rtol=1e-3, atol=1e-4)
