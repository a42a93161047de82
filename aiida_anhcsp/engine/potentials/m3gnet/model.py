"""MatterSim's M3GNet over the factorised three-body sums, sharing the weights of a stock model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .activations import gate, silu
from .ends import add_ends
from .geometry import bond_features
from .graph import Batch
from .linear import differentiable_linear

if TYPE_CHECKING:
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet
    from mattersim.forcefield.m3gnet.modules import GatedMLP


class FactorisedM3GNet(nn.Module):
    """The same function of the same parameters as a stock ``M3Gnet``, in O(bonds) instead of O(triples).

    ``stock`` holds the parameters; what trains this module trains that one. Float64 by ``.double()``.
    """

    def __init__(self, stock: M3Gnet) -> None:
        super().__init__()
        self.stock = stock

    @classmethod
    def from_stock(cls, stock: M3Gnet) -> FactorisedM3GNet:
        """Share the parameters of a stock model."""
        return cls(stock)

    @property
    def cutoff(self) -> float:
        """Range of bonds, angstrom."""
        return float(self.stock.model_args["cutoff"])

    @property
    def threebody_cutoff(self) -> float:
        """Range of bonds that see angles, angstrom."""
        return float(self.stock.model_args["threebody_cutoff"])

    def forward(self, batch: Batch, create_graph: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Energies (n_frames,) in eV, forces (n_atoms, 3) in eV/angstrom, stresses (n_frames, 3, 3) in
        eV/angstrom^3 and ASE's sign.

        :param batch: from :func:`~.graph.batch_frames` with this model's cutoffs, in the dtype of its parameters
        :param create_graph: keep what a gradient of forces and stresses by the parameters needs
        """
        vectors = batch.vectors.detach().requires_grad_(True)
        energies = self.energies(batch, vectors)
        (by_vector,) = torch.autograd.grad(energies.sum(), [vectors], create_graph=create_graph)
        return energies if create_graph else energies.detach(), *forces_and_stresses(batch, by_vector)

    def energies(self, batch: Batch, vectors: Tensor) -> Tensor:
        """Energies (n_frames,) in eV as a differentiable function of bond vectors and parameters."""
        stock = self.stock
        first, second, short = batch.first, batch.second, batch.short
        radial, sums = bond_features(stock, batch, vectors)
        short_first = first[short]
        atoms = stock.atom_embedding.mlp[0].linear.weight.t().index_select(0, batch.numbers)
        bonds = silu(differentiable_linear(radial, stock.edge_encoder.mlp[0].linear.weight))
        for block in stock.graph_conv:
            opening = torch.sigmoid(_plain(block.three_body.atom_mlp.linear, atoms)).index_select(0, short_first)
            angular = _gated(block.three_body.edge_gate_mlp, sums * opening)
            bonds = bonds.index_add(0, short, angular)
            weights = differentiable_linear(radial, block.edge_layer_edge.linear.weight)
            bonds = bonds + _split(block.gated_mlp_edge, atoms, bonds, first, second, weights)
            weights = silu(differentiable_linear(radial, block.edge_layer_atom.linear.weight))
            atoms = atoms.index_add(0, first, _split(block.gated_mlp_atom, atoms, bonds, first, second, weights))
        energies = stock.normalizer(stock.final(atoms).view(-1), batch.numbers)
        return energies.new_zeros(batch.n_frames).index_add(0, batch.structure, energies)


def forces_and_stresses(batch: Batch, by_vector: Tensor) -> tuple[Tensor, Tensor]:
    """Forces (n_atoms, 3) and stresses (n_frames, 3, 3) from the energy's gradient by bond vectors (n_bonds, 3).

    A bond vector is r_second + lattice vector - r_first; under a strain it turns into vector (1 + strain).
    """
    forces = by_vector.new_zeros(batch.n_atoms, 3).index_add(0, batch.first, by_vector)
    forces = forces.index_add(0, batch.second, -by_vector)
    outer = batch.vectors[:, :, None] * by_vector[:, None, :]
    virials = outer.new_zeros(batch.n_atoms, 3, 3).index_add(0, batch.first, outer)
    virials = virials.new_zeros(batch.n_frames, 3, 3).index_add(0, batch.structure, virials)
    return forces, 0.5 * (virials + virials.transpose(1, 2)) / batch.volumes[:, None, None]


def _plain(layer: nn.Linear, values: Tensor) -> Tensor:
    return differentiable_linear(values, layer.weight, layer.bias)


def _gated(mlp: GatedMLP, values: Tensor) -> Tensor:
    """A gated perceptron of one layer."""
    return gate(_plain(mlp.g[0].linear, values), _plain(mlp.sigma[0].linear, values))


def _split(mlp: GatedMLP, atoms: Tensor, bonds: Tensor, first: Tensor, second: Tensor, weights: Tensor) -> Tensor:
    """A gated perceptron of two layers on (centre, neighbour, bond), times ``weights`` (n_bonds, units): the atoms'
    part of its first layer is computed once per atom."""
    width = atoms.shape[1]
    layers = mlp.g[0].linear, mlp.sigma[0].linear
    weight, bias = torch.cat([layer.weight for layer in layers]), torch.cat([layer.bias for layer in layers])
    centre = differentiable_linear(atoms, weight[:, :width], bias)
    neighbour = differentiable_linear(atoms, weight[:, width : 2 * width])
    hidden = differentiable_linear(bonds, weight[:, 2 * width :])
    hidden = add_ends(hidden, centre, neighbour, first, second)
    values, gates = silu(hidden).split([layer.weight.shape[0] for layer in layers], dim=1)
    return gate(_plain(mlp.g[1].linear, values), _plain(mlp.sigma[1].linear, gates), weights)
