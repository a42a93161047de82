from __future__ import annotations

import pytest
import torch
import torch.nn.functional as functional

from aiida_anhcsp.engine.potentials.m3gnet import activations
from aiida_anhcsp.engine.potentials.m3gnet.activations import gate, silu


@pytest.fixture(params=[6, 65_536], ids=["in portions", "at once"])
def portion(request, monkeypatch) -> None:
    monkeypatch.setattr(activations, "PORTION", request.param)


def numbers(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (4 * torch.randn(7, 3, dtype=torch.float64, generator=generator)).requires_grad_(True)


def test_values_are_torch_s(portion):
    first, second = numbers(1), numbers(2)
    assert torch.equal(silu(first), functional.silu(first))
    gated = functional.silu(first) * torch.sigmoid(second)
    assert torch.allclose(gate(first, second), gated, atol=1e-15)
    assert torch.allclose(gate(first, second, numbers(3)), gated * numbers(3), atol=1e-14)


def test_first_and_second_derivatives_are_those_of_differences(portion):
    first, second = numbers(1), numbers(2)
    assert torch.autograd.gradcheck(silu, [first])
    assert torch.autograd.gradgradcheck(silu, [first])
    assert torch.autograd.gradcheck(gate, [first, second])
    assert torch.autograd.gradgradcheck(gate, [first, second])
    assert torch.autograd.gradcheck(gate, [first, second, numbers(3)])
    assert torch.autograd.gradgradcheck(gate, [first, second, numbers(3)])


def test_no_rows_have_no_gradient(portion):
    empty = torch.zeros(0, 3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(gate(empty, empty).sum(), empty, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), empty)
    assert curvature.shape == (0, 3)
