"""Matrix products of the network, by the fastest library at hand, differentiable any number of times."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

ONEDNN_FROM = 1_000_000
"""Multiplications from which oneDNN's preparation (60 microseconds) is worth while."""


def linear(values: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``values @ weight.T + bias`` without a graph; any strides.

    In single precision on AMD's processors oneDNN does it: twice as fast there as the MKL behind ``torch.mm`` (230
    against 106 GFLOP/s on one Zen 5 core). On Intel's MKL is a sixth faster.

    :param values: (n, n_in)
    :param weight: (n_out, n_in)
    :param bias: (n_out,)
    """
    if not _by_onednn(values, weight):
        return functional.linear(values, weight, bias)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(_dense(values), _dense(weight), bias, "none", [], "")
    return product


def add_linear(total: Tensor, values: Tensor, weight: Tensor) -> None:
    """Add :func:`linear` to ``total`` (n, n_out), in one pass over it where the library can."""
    if _by_onednn(values, weight):
        total += linear(values, weight)
    else:
        total.addmm_(values, weight.t())


def put_linear(target: Tensor, values: Tensor, weight: Tensor) -> None:
    """Write :func:`linear` to ``target`` (n, n_out), which may be some columns of a larger tensor."""
    if _by_onednn(values, weight):
        target.copy_(linear(values, weight))
    else:
        torch.mm(values, weight.t(), out=target)


def _by_onednn(values: Tensor, weight: Tensor) -> bool:
    large = values.shape[0] * values.shape[1] * weight.shape[0] > ONEDNN_FROM
    return large and values.device.type == "cpu" and values.dtype == torch.float32 and _prefers_onednn()


@cache
def _prefers_onednn() -> bool:
    """Whether this is an AMD processor whose torch has oneDNN; only Linux tells."""
    description = Path("/proc/cpuinfo")
    return (
        torch.backends.mkldnn.is_available()
        and description.is_file()
        and "AuthenticAMD" in description.read_text(errors="replace")
    )


def _dense(matrix: Tensor) -> Tensor:
    """Rows or columns without gaps: anything else sends oneDNN to its reference code, a thousand times slower."""
    return matrix if matrix.is_contiguous() or matrix.t().is_contiguous() else matrix.contiguous()


class _Linear(torch.autograd.Function):
    """``linear``, whose derivatives are made of itself."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(values, weight)
        return linear(values, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (gradient,) = gradients
        values, weight = ctx.saved_tensors
        by_values = differentiable_linear(gradient, weight.t()) if ctx.needs_input_grad[0] else None
        by_weight = differentiable_linear(gradient.t(), values.t()) if ctx.needs_input_grad[1] else None
        return by_values, by_weight, gradient.sum(0) if ctx.needs_input_grad[2] else None


def differentiable_linear(values: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """:func:`linear` with a graph, for training.

    Torch's own product is taken where it is as fast: on the way to the forces it leaves out the derivative by the
    weight, which a product written in Python cannot know to be superfluous.
    """
    if not _by_onednn(values, weight):
        return functional.linear(values, weight, bias)
    product: Tensor = _Linear.apply(values, weight, bias)
    return product
