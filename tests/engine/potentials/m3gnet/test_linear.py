from __future__ import annotations

import pytest
import torch

from aiida_anhcsp.engine.potentials.m3gnet import linear as module
from aiida_anhcsp.engine.potentials.m3gnet.linear import add_linear, differentiable_linear, linear, put_linear

LARGE, SMALL = 1024, 8


@pytest.fixture(params=[True, False], ids=["onednn", "torch"])
def library(request, monkeypatch) -> bool:
    """As on a processor for which the one or the other library is faster."""
    if request.param and not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(module, "_prefers_onednn", lambda: request.param)
    return request.param


@pytest.mark.parametrize("rows", [LARGE, SMALL])
@pytest.mark.parametrize("transposed", [True, False])
def test_products_and_their_sums_are_those_of_double_precision(library, rows, transposed):
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(rows, 64, generator=generator)
    weight = torch.randn(64, 64, generator=generator)
    weight = weight.t() if transposed else weight
    bias = torch.randn(64, generator=generator)
    exact = values.double() @ weight.double().t()
    assert torch.allclose(linear(values, weight, bias).double(), exact + bias, atol=1e-4)
    total = torch.ones(rows, 64)
    add_linear(total, values, weight)
    assert torch.allclose(total.double(), exact + 1, atol=1e-4)
    wide = torch.zeros(rows, 128)
    put_linear(wide[:, 64:], values, weight)
    assert torch.allclose(wide[:, 64:].double(), exact, atol=1e-4)
    assert not wide[:, :64].any()


def test_derivatives_are_those_of_the_product(library):
    generator = torch.Generator().manual_seed(2)
    values = torch.randn(LARGE, 48, generator=generator).requires_grad_(True)
    weight = torch.randn(48, 48, generator=generator).requires_grad_(True)
    ours = torch.autograd.grad(differentiable_linear(values, weight).square().sum(), [values, weight])
    theirs = torch.autograd.grad((values @ weight.t()).square().sum(), [values, weight])
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, rtol=1e-3, atol=1e-1)
