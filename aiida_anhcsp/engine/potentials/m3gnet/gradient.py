"""The gradient of the energy written out, for evaluation without training.

The same function as :mod:`.model`, without an autograd graph over the network, and with the bonds taken in portions
that stay in a core's cache. Only the geometry (a few numbers per bond) is differentiated by autograd.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional
from torch import Tensor

from .geometry import bond_features
from .graph import Batch
from .linear import add_linear, linear, put_linear

if TYPE_CHECKING:
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet
    from mattersim.forcefield.m3gnet.modules import GatedMLP, MainBlock

PORTION = {"cpu": 1024, "cuda": 1 << 20}
"""Bonds taken at once, by device."""


@torch.no_grad()
def energies_and_gradient(stock: M3Gnet, batch: Batch) -> tuple[Tensor, Tensor]:
    """Energies (n_frames,) in eV, and their gradient by bond vectors (n_bonds, 3) in eV/angstrom."""
    with torch.enable_grad():
        vectors = batch.vectors.detach().requires_grad_(True)
        radial, sums = bond_features(stock, batch, vectors)
    energies, by_radial, by_sums = _network(stock, batch, radial.detach(), sums.detach())
    (gradient,) = torch.autograd.grad([radial, sums], [vectors], [by_radial, by_sums])
    return energies, gradient


def _network(stock: M3Gnet, batch: Batch, radial: Tensor, sums: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Energies, and the gradient of their sum by the radial basis and the three-body sums."""
    encoder = stock.edge_encoder.mlp[0].linear.weight
    atoms = stock.atom_embedding.mlp[0].linear.weight.t().index_select(0, batch.numbers)
    portions = _portions(batch, radial, sums, encoder)
    passes = []
    for block in stock.graph_conv:
        passes.append(_BlockPass(block, atoms))
        atoms = passes[-1].forward(atoms, portions)
    with torch.enable_grad():
        atoms = atoms.detach().requires_grad_(True)
        per_atom = stock.normalizer(stock.final(atoms).view(-1), batch.numbers)
        (by_atoms,) = torch.autograd.grad(per_atom.sum(), [atoms])
    energies = per_atom.new_zeros(batch.n_frames).index_add_(0, batch.structure, per_atom.detach())
    while passes:
        by_atoms = passes.pop().backward(by_atoms, portions)
    for portion in portions:
        by_encoded = torch.ops.aten.silu_backward(portion.by_bonds, linear(portion.radial, encoder))
        add_linear(portion.by_radial, by_encoded, encoder.t())
    by_radial = torch.cat([portion.by_radial for portion in portions])
    return energies, by_radial, torch.cat([portion.by_sums for portion in portions])


@dataclass
class _Portion:
    """Some consecutive bonds: their ends, inputs, features, and gradients of the energy by these.

    ``short`` counts from the first bond of the portion, ``short_first`` is the centre of each short bond.
    """

    first: Tensor
    second: Tensor
    short: Tensor
    radial: Tensor
    sums: Tensor
    bonds: Tensor
    short_first: Tensor = field(init=False)
    by_bonds: Tensor = field(init=False)
    by_radial: Tensor = field(init=False)
    by_sums: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.short_first = self.first.index_select(0, self.short)
        self.by_bonds = torch.zeros_like(self.bonds)
        self.by_radial, self.by_sums = torch.zeros_like(self.radial), torch.zeros_like(self.sums)


def _portions(batch: Batch, radial: Tensor, sums: Tensor, encoder: Tensor) -> list[_Portion]:
    size = PORTION[radial.device.type]
    starts = range(0, max(len(radial), 1), size)
    edges = torch.tensor([*starts, len(radial)], device=radial.device)
    splits = torch.searchsorted(batch.short, edges).tolist()
    return [
        _Portion(
            batch.first[start : start + size],
            batch.second[start : start + size],
            batch.short[begin:end] - start,
            radial[start : start + size],
            sums[begin:end],
            functional.silu(linear(radial[start : start + size], encoder)),
        )
        for start, begin, end in zip(starts, splits[:-1], splits[1:], strict=True)
    ]


class _BlockPass:
    """One block on one batch: forward, and what its way back needs."""

    def __init__(self, block: MainBlock, atoms: Tensor) -> None:
        self.gates = block.three_body.edge_gate_mlp.g[0].linear, block.three_body.edge_gate_mlp.sigma[0].linear
        self.atom_mlp = block.three_body.atom_mlp.linear
        self.gate = torch.sigmoid(linear(atoms, self.atom_mlp.weight, self.atom_mlp.bias))
        self.by_gate = torch.zeros_like(self.gate)
        self.edge = _SplitPass(block.gated_mlp_edge, atoms)
        self.edge_weight = block.edge_layer_edge.linear.weight
        self.atom = _SplitPass(block.gated_mlp_atom, atoms)
        self.atom_weight = block.edge_layer_atom.linear.weight

    def forward(self, atoms: Tensor, portions: list[_Portion]) -> Tensor:
        """The atoms after the block; the features of the bonds are changed in place."""
        after = atoms.clone()
        for portion in portions:
            value, switch = self._angular(portion)
            portion.bonds.index_add_(0, portion.short, functional.silu(value).mul_(switch.sigmoid_()))
            change = self.edge.forward(portion)
            portion.bonds += change.mul_(linear(portion.radial, self.edge_weight))
            change = self.atom.forward(portion)
            change *= functional.silu(linear(portion.radial, self.atom_weight))
            after.index_add_(0, portion.first, change)
        return after

    def backward(self, by_atoms: Tensor, portions: list[_Portion]) -> Tensor:
        """The gradient by the atoms before the block, given that by the atoms after it; the portions' gradients by
        bonds turn from those after the block to those before it, and their gradients by inputs are added to."""
        for number, portion in enumerate(portions):
            projected = linear(portion.radial, self.atom_weight)
            by_change = by_atoms.index_select(0, portion.first)
            by_weights = self.atom.backward(number, by_change, functional.silu(projected), portion)
            by_projected = torch.ops.aten.silu_backward(by_weights, projected)
            add_linear(portion.by_radial, by_projected, self.atom_weight.t())
            weights = linear(portion.radial, self.edge_weight)
            by_weights = self.edge.backward(number, portion.by_bonds.clone(), weights, portion)
            add_linear(portion.by_radial, by_weights, self.edge_weight.t())
            self._angular_backward(portion)
        before = by_atoms + self.edge.by_atoms() + self.atom.by_atoms()
        by_gate = torch.ops.aten.sigmoid_backward(self.by_gate, self.gate)
        return before.add_(linear(by_gate, self.atom_mlp.weight.t()))

    def _angular(self, portion: _Portion) -> tuple[Tensor, Tensor]:
        gated = portion.sums * self.gate.index_select(0, portion.short_first)
        return linear(gated, self.gates[0].weight), linear(gated, self.gates[1].weight)

    def _angular_backward(self, portion: _Portion) -> None:
        value, switch = self._angular(portion)
        switch.sigmoid_()
        gradient = portion.by_bonds.index_select(0, portion.short)
        by_switch = torch.ops.aten.sigmoid_backward(functional.silu(value).mul_(gradient), switch)
        by_value = torch.ops.aten.silu_backward(gradient.mul_(switch), value)
        by_gated = linear(by_value, self.gates[0].weight.t())
        add_linear(by_gated, by_switch, self.gates[1].weight.t())
        portion.by_sums += by_gated * self.gate.index_select(0, portion.short_first)
        self.by_gate.index_add_(0, portion.short_first, by_gated.mul_(portion.sums))


class _SplitPass:
    """A gated perceptron of two layers on (centre, neighbour, bond), on all portions in their order.

    Its two halves, value and switch, stand side by side, and the atoms' part of the first layer is computed once per
    atom, forward and backward.
    """

    def __init__(self, mlp: GatedMLP, atoms: Tensor) -> None:
        halves = [(half[0].linear, half[1].linear) for half in (mlp.g, mlp.sigma)]
        inner = torch.cat([first.weight for first, _ in halves])
        biases = [first.bias for first, _ in halves if first.bias is not None]
        self.weights = [part.contiguous() for part in inner.split(atoms.shape[1], dim=1)]
        self.outer = [second for _, second in halves]
        self.centre = linear(atoms, self.weights[0], torch.cat(biases) if biases else None)
        self.neighbour = linear(atoms, self.weights[1])
        self.by_centre, self.by_neighbour = torch.zeros_like(self.centre), torch.zeros_like(self.neighbour)
        self.kept: list[tuple[Tensor, Tensor, Tensor]] = []

    def forward(self, portion: _Portion) -> Tensor:
        """(n_bonds, units)"""
        hidden = self.centre.index_select(0, portion.first)
        hidden += self.neighbour.index_select(0, portion.second)
        add_linear(hidden, portion.bonds, self.weights[2])
        halves = functional.silu(hidden).chunk(2, dim=1)
        value, switch = (linear(half, layer.weight, layer.bias) for half, layer in zip(halves, self.outer, strict=True))
        self.kept.append((hidden, value, switch.sigmoid_()))
        return functional.silu(value).mul_(switch)

    def backward(self, number: int, gradient: Tensor, weights: Tensor, portion: _Portion) -> Tensor:
        """Add to the gradients by bonds and atoms, given that by ``output * weights`` (used up), and return the
        gradient by the weights.

        :param number: which portion, in the order of :meth:`forward`
        """
        hidden, value, switch = self.kept[number]
        active = functional.silu(value)
        by_weights = (active * switch).mul_(gradient)
        gradient *= weights
        by_switch = torch.ops.aten.sigmoid_backward(active.mul_(gradient), switch)
        by_value = torch.ops.aten.silu_backward(gradient.mul_(switch), value)
        by_active = torch.empty_like(hidden)
        for half, by_half, layer in zip(by_active.chunk(2, dim=1), (by_value, by_switch), self.outer, strict=True):
            put_linear(half, by_half, layer.weight.t())
        by_hidden = torch.ops.aten.silu_backward(by_active, hidden)
        add_linear(portion.by_bonds, by_hidden, self.weights[2].t())
        self.by_centre.index_add_(0, portion.first, by_hidden)
        self.by_neighbour.index_add_(0, portion.second, by_hidden)
        return by_weights

    def by_atoms(self) -> Tensor:
        """Gradient by the atoms of all portions, (n_atoms, units)."""
        return linear(self.by_centre, self.weights[0].t()) + linear(self.by_neighbour, self.weights[1].t())
