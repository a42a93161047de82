"""Whether the factorised evaluation of a model is the stock model's function, tried on one small structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from .gradient import energies_and_gradient
from .graph import Batch, batch_frames

if TYPE_CHECKING:
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

TOLERANCE = 1e-3
"""Of the largest component of the gradient, and of the energy per atom in eV: far above the rounding of single
precision, far below what a different architecture gives."""


def deviation(stock: M3Gnet, elements: tuple[str, str]) -> str:
    """How the factorised evaluation of ``stock`` differs from the stock network; empty where it does not.

    :param elements: two species the model knows
    """
    device = next(stock.parameters()).device
    cutoff, threebody_cutoff = stock.model_args["cutoff"], stock.model_args["threebody_cutoff"]
    cell = 0.6 * threebody_cutoff * np.array([[1.0, 0.1, 0.0], [0.0, 1.05, 0.2], [-0.1, 0.0, 1.1]])
    frame = Atoms(elements, scaled_positions=[[0.02, 0.0, 0.0], [0.45, 0.55, 0.4]], cell=cell, pbc=True)
    batch = batch_frames([frame], cutoff, threebody_cutoff, device, next(stock.parameters()).dtype)
    try:
        energy, gradient = energies_and_gradient(stock, batch)
    except (AttributeError, IndexError, RuntimeError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    stock_energy, stock_gradient = _stock_energy_and_gradient(stock, batch)
    by_energy = float((energy - stock_energy).abs()) / len(frame)
    by_gradient = float((gradient - stock_gradient).abs().max())
    largest = float(stock_gradient.abs().max())
    if by_energy <= TOLERANCE and by_gradient <= TOLERANCE * max(largest, 1e-3):
        return ""
    return f"energy by {by_energy:.2g} eV/atom, gradient by {by_gradient:.2g} of {largest:.2g} eV/angstrom"


def _stock_energy_and_gradient(stock: M3Gnet, batch: Batch) -> tuple[Tensor, Tensor]:
    """The stock network on a batch of one frame: its triples are all ordered pairs of short bonds of an atom."""
    device = batch.vectors.device
    vectors = batch.vectors.detach().clone().requires_grad_(True)
    centres = batch.first[batch.short]
    same = (centres[:, None] == centres[None, :]) & ~torch.eye(len(centres), dtype=torch.bool, device=device)
    triples = batch.short[same.nonzero()]
    per_bond = torch.zeros(len(batch.first), dtype=torch.long, device=device)
    per_bond[batch.short] = same.sum(dim=1)
    inputs = {
        "atom_pos": vectors.new_zeros(batch.n_atoms, 3),
        "cell": torch.eye(3, device=device)[None],
        "pbc_offsets": vectors,
        "atom_attr": batch.numbers[:, None],
        "edge_index": torch.stack([batch.first, batch.second]),
        "three_body_indices": triples,
        "num_three_body": torch.tensor([len(triples)], device=device),
        "num_bonds": torch.tensor([len(batch.first)], device=device),
        "num_triple_ij": per_bond,
        "num_atoms": torch.tensor([batch.n_atoms], device=device),
        "num_graphs": torch.tensor(1, device=device),
        "batch": batch.structure,
    }
    energies = stock(inputs)
    (gradient,) = torch.autograd.grad(energies.sum(), [vectors])
    return energies.detach(), gradient
