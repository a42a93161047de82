"""How many bonds fit into a device's memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

SHARE = 0.8
"""Of the free memory that a batch may take."""


def bytes_per_bond(stock: M3Gnet) -> int:
    """Peak memory of one evaluation per bond of its batch, all bonds taken in one portion.

    What :mod:`.gradient` keeps until the way back: per block eight arrays of the bonds' width (two perceptrons, each
    with two hidden layers, a value and a switch), besides the features and what one step of the way back holds at
    once; and the geometry of a short bond with its autograd graph, where every bond may be short.
    """
    units, max_n, max_l = (stock.model_args[name] for name in ("units", "max_n", "max_l"))
    network = (8 * stock.model_args["num_blocks"] + WORKING) * units
    geometry = GEOMETRY * max_n * max_l * max_l
    return (network + geometry) * next(stock.parameters()).element_size() + INDICES


WORKING = 14
"""Arrays of a bond's width that are alive during one step: features, their gradients, what is being computed."""
GEOMETRY = 12
"""Arrays of the size max_n x (number of spherical harmonics) alive in the geometry."""
INDICES = 256
"""Bytes of indices, vectors and lengths."""


def bonds_in_memory(stock: M3Gnet) -> float:
    """Most bonds of one batch: on a GPU what its free memory holds, elsewhere no limit.

    Memory that torch keeps for reuse counts as free.
    """
    device = next(stock.parameters()).device
    if device.type != "cuda":
        return math.inf
    free, _ = torch.cuda.mem_get_info(device)
    reusable = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return SHARE * (free + reusable) / bytes_per_bond(stock)
