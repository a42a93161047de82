"""Values of atoms brought to the ends of bonds, and back, in a few passes over memory, for training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

PORTION = {"cpu": 512, "cuda": 1 << 20}
"""Bonds taken at once, by device."""


def add_ends(values: Tensor, centre: Tensor, neighbour: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """``values + centre[first] + neighbour[second]``, put into ``values``; twice differentiable.

    :param values: (n_bonds, width), the result of an operation that does not need it for its own gradient
    :param centre: (n_atoms, width)
    :param neighbour: (n_atoms, width)
    :param first: (n_bonds,) centre of each bond
    :param second: (n_bonds,) neighbour of each bond
    """
    result: Tensor = _AddEnds.apply(values, centre, neighbour, first, second)
    return result


class _AddEnds(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, centre: Tensor, neighbour: Tensor, first: Tensor, second: Tensor) -> Tensor:
        ctx.mark_dirty(values)
        ctx.save_for_backward(first, second)
        ctx.n_atoms = len(centre)
        size = PORTION[values.device.type]
        for start in range(0, len(first), size):
            part = slice(start, start + size)
            values[part].add_(centre.index_select(0, first[part])).add_(neighbour.index_select(0, second[part]))
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        by_centre, by_neighbour = _SumsAtEnds.apply(gradients[0], *ctx.saved_tensors, ctx.n_atoms)
        return gradients[0], by_centre, by_neighbour, None, None


class _SumsAtEnds(torch.autograd.Function):
    """Sums of the bonds' values by centre and by neighbour: the transpose of the other."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, first: Tensor, second: Tensor, n_atoms: int) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(first, second)
        zeros = values.new_zeros(n_atoms, values.shape[1])
        return zeros.index_add(0, first, values), zeros.index_add_(0, second, values)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (centre, neighbour), (first, second) = gradients, ctx.saved_tensors
        result = centre.new_empty(len(first), centre.shape[1])
        size = PORTION[centre.device.type]
        for start in range(0, len(first), size):
            part = slice(start, start + size)
            torch.index_select(centre, 0, first[part], out=result[part])
            result[part].add_(neighbour.index_select(0, second[part]))
        return result, None, None, None
