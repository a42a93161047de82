"""The network's activations, twice differentiable in a few passes over memory, for training.

Torch records every step of the gradient of its own activations and differentiates each again; here the first and second
derivatives are written out and computed in portions that stay in a core's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

PORTION = 65_536
"""Numbers of one operand in a portion: ten operands fit a core's cache of 2 MB or more."""


def silu(values: Tensor) -> Tensor:
    """``x sigmoid(x)``, any shape."""
    result: Tensor = _Silu.apply(values)
    return result


def gate(values: Tensor, gates: Tensor) -> Tensor:
    """``silu(values) sigmoid(gates)``, both of one shape."""
    result: Tensor = _Gate.apply(values, gates)
    return result


class _Silu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return functional.silu(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        result: Tensor = _SiluSlope.apply(gradients[0], *ctx.saved_tensors)
        return result


class _SiluSlope(torch.autograd.Function):
    """(g, x) -> g silu'(x)"""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, values: Tensor) -> Tensor:
        ctx.save_for_backward(gradient, values)
        return torch.ops.aten.silu_backward(gradient, values)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        by_gradient, by_values = (torch.empty_like(tensor) for tensor in ctx.saved_tensors)
        for g, x, h, out_g, out_x in _portions(*ctx.saved_tensors, gradients[0], by_gradient, by_values):
            _, slope, curvature = _silu_derivatives(x)
            torch.mul(h, slope, out=out_g)
            torch.mul(h, g, out=out_x).mul_(curvature)
        return by_gradient, by_values


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, gates: Tensor) -> Tensor:
        ctx.save_for_backward(values, gates)
        return functional.silu(values).mul_(torch.sigmoid(gates))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        result: tuple[Tensor, Tensor] = _GateSlope.apply(gradients[0], *ctx.saved_tensors)
        return result


class _GateSlope(torch.autograd.Function):
    """(g, a, b) -> g silu'(a) sigmoid(b), g silu(a) sigmoid'(b)"""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, values: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(gradient, values, gates)
        by_values, by_gates = torch.empty_like(values), torch.empty_like(gates)
        for g, a, b, out_a, out_b in _portions(gradient, values, gates, by_values, by_gates):
            opening = torch.sigmoid(b)
            torch.ops.aten.silu_backward.grad_input(g * opening, a, grad_input=out_a)
            torch.ops.aten.sigmoid_backward.grad_input(functional.silu(a).mul_(g), opening, grad_input=out_b)
        return by_values, by_gates

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        results = tuple(torch.empty_like(tensor) for tensor in ctx.saved_tensors)
        for g, a, b, h_a, h_b, out_g, out_a, out_b in _portions(*ctx.saved_tensors, *gradients, *results):
            value, slope, curvature = _silu_derivatives(a)
            opening = torch.sigmoid(b)
            opening_slope = opening * (1 - opening)
            by_slope, by_value = h_a * opening, h_b * opening_slope
            torch.mul(by_slope, slope, out=out_g).addcmul_(by_value, value)
            torch.mul(by_slope, curvature, out=out_a).addcmul_(by_value, slope).mul_(g)
            torch.mul(h_a, opening_slope, out=out_b).mul_(slope)
            out_b.addcmul_(by_value.mul_(value), 1 - 2 * opening).mul_(g)
        return results[0], results[1], results[2]


def _silu_derivatives(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """silu, silu' and silu'': x s, s + x s (1 - s), s (1 - s) (2 + x (1 - 2 s))."""
    sigmoid = torch.sigmoid(values)
    value = values * sigmoid
    rest = 1 - sigmoid
    slope = torch.addcmul(sigmoid, value, rest)
    curvature = (rest - sigmoid).mul_(values).add_(2).mul_(sigmoid).mul_(rest)
    return value, slope, curvature


def _portions(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The tensors row by row in portions on a CPU, whole on a GPU."""
    first = tensors[0]
    rows = first.shape[0] if first.device.type != "cpu" else max(1, PORTION * first.shape[0] // max(1, first.numel()))
    for start in range(0, first.shape[0], max(1, rows)):
        yield tuple(tensor[start : start + rows] for tensor in tensors)
