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


def gate(values: Tensor, gates: Tensor, weights: Tensor | None = None) -> Tensor:
    """``silu(values) sigmoid(gates) weights``, all of one shape."""
    result: Tensor = _Gate.apply(values, gates, weights)
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
    def forward(ctx: Any, values: Tensor, gates: Tensor, weights: Tensor | None) -> Tensor:
        ctx.save_for_backward(values, gates, weights)
        result = torch.empty_like(values)
        for a, b, w, out in _portions(values, gates, weights, result):
            torch.mul(functional.silu(a), torch.sigmoid(b), out=out)
            if w is not None:
                out.mul_(w)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        result: tuple[Tensor, Tensor, Tensor | None] = _GateSlope.apply(gradients[0], *ctx.saved_tensors)
        return result


class _GateSlope(torch.autograd.Function):
    """(g, a, b, w) -> g w silu'(a) sigmoid(b), g w silu(a) sigmoid'(b), g silu(a) sigmoid(b)"""

    @staticmethod
    def forward(
        ctx: Any, gradient: Tensor, values: Tensor, gates: Tensor, weights: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        ctx.save_for_backward(gradient, values, gates, weights)
        by_values, by_gates = torch.empty_like(values), torch.empty_like(gates)
        by_weights = None if weights is None else torch.empty_like(weights)
        results = by_values, by_gates, by_weights
        for g, a, b, w, out_a, out_b, out_w in _portions(gradient, values, gates, weights, *results):
            active, opening = functional.silu(a), torch.sigmoid(b)
            weighted = g
            if w is not None:
                torch.mul(active, opening, out=out_w).mul_(g)
                weighted = g * w
            torch.ops.aten.sigmoid_backward.grad_input(active.mul_(weighted), opening, grad_input=out_b)
            torch.ops.aten.silu_backward.grad_input(opening.mul_(weighted), a, grad_input=out_a)
        return results

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        results = tuple(None if tensor is None else torch.empty_like(tensor) for tensor in saved)
        for g, a, b, w, h_a, h_b, h_w, out_g, out_a, out_b, out_w in _portions(*saved, *gradients, *results):
            value, slope, curvature = _silu_derivatives(a)
            opening = torch.sigmoid(b)
            opening_slope = opening * (1 - opening)
            by_slope, by_value = h_a * opening, h_b * opening_slope
            torch.mul(by_slope, slope, out=out_g).addcmul_(by_value, value)
            torch.mul(by_slope, curvature, out=out_a).addcmul_(by_value, slope)
            torch.mul(h_a, opening_slope, out=out_b).mul_(slope)
            out_b.addcmul_(by_value.mul_(value), 1 - 2 * opening)
            if w is not None:
                torch.mul(out_g, g, out=out_w)
                by_active = h_w * opening
                out_g.mul_(w).addcmul_(by_active, value)
                out_a.mul_(w).addcmul_(by_active, slope)
                out_b.mul_(w).addcmul_(value.mul_(h_w), opening_slope)
            out_a.mul_(g)
            out_b.mul_(g)
        return results


def _silu_derivatives(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """silu, silu' and silu'': x s, s + x s (1 - s), s (1 - s) (2 + x (1 - 2 s))."""
    sigmoid = torch.sigmoid(values)
    value = values * sigmoid
    rest = 1 - sigmoid
    slope = torch.addcmul(sigmoid, value, rest)
    curvature = (rest - sigmoid).mul_(values).add_(2).mul_(sigmoid).mul_(rest)
    return value, slope, curvature


def _portions(first: Tensor, *others: Tensor | None) -> Iterator[tuple[Any, ...]]:
    """The tensors row by row in portions on a CPU, whole on a GPU; None stays None."""
    on_cpu = first.device.type == "cpu"
    rows = max(1, PORTION * first.shape[0] // max(1, first.numel()) if on_cpu else first.shape[0])
    for start in range(0, first.shape[0], rows):
        yield tuple(None if tensor is None else tensor[start : start + rows] for tensor in (first, *others))
