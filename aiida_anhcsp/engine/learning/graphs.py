"""Graphs of labelled frames, built once per training, and their batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from ase.units import GPa
from mattersim.datasets.utils.convertor import GraphConvertor
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet
from torch import Tensor

from ..frames import labels_of
from ..potentials.screening import right_handed


@dataclass(frozen=True)
class Graph:
    """One labelled frame as the network sees it (float32).

    ``inputs`` are the arrays of MatterSim's graph; ``energy`` in eV, ``forces`` (n_atoms, 3) in eV/angstrom,
    ``stress`` (3, 3) in GPa. A label the frame does not carry is NaN.
    """

    inputs: dict[str, Tensor]
    energy: Tensor
    forces: Tensor
    stress: Tensor


@dataclass(frozen=True)
class Batch:
    """Several graphs as one: inputs of the stock model, and the labels stacked."""

    inputs: dict[str, Tensor]
    energy: Tensor
    forces: Tensor
    stress: Tensor

    @property
    def sizes(self) -> Tensor:
        """Atoms per structure, shape (n_structures,)."""
        return self.inputs["num_atoms"]

    def __len__(self) -> int:
        return len(self.energy)


def build_graph(frame: Atoms, model: M3Gnet) -> Graph:
    """Graph of a frame within the model's own cutoffs; a left-handed cell is turned right-handed first."""
    convertor = GraphConvertor(
        "m3gnet", model.model_args["cutoff"], has_threebody=True, threebody_cutoff=model.model_args["threebody_cutoff"]
    )
    data = convertor.convert(right_handed(frame)).to_dict()
    inputs = {
        name: value if isinstance(value, Tensor) else torch.tensor([value])
        for name, value in data.items()
        if name != "num_nodes"
    }
    labels = labels_of(frame)
    stress = np.full((3, 3), np.nan)
    if "stress" in labels:
        stress = voigt_6_to_full_3x3_stress(labels["stress"]) / GPa
    return Graph(
        inputs=inputs,
        energy=torch.tensor(float(labels.get("energy", np.nan))),
        forces=torch.tensor(np.asarray(labels.get("forces", np.full((len(frame), 3), np.nan))), dtype=torch.float32),
        stress=torch.tensor(stress, dtype=torch.float32),
    )


def join(graphs: Sequence[Graph], device: str) -> Batch:
    """Batch of graphs on a device."""
    parts = {name: [graph.inputs[name] for graph in graphs] for name in graphs[0].inputs}
    inputs = {name: torch.cat(values, dim=1 if name == "edge_index" else 0) for name, values in parts.items()}
    atoms, bonds = inputs["num_atoms"], inputs["num_bonds"]
    first_atom = torch.cumsum(atoms, 0) - atoms
    first_bond = torch.cumsum(bonds, 0) - bonds
    inputs["edge_index"] = inputs["edge_index"] + torch.repeat_interleave(first_atom, bonds)
    inputs["batch"] = torch.repeat_interleave(torch.arange(len(graphs)), atoms)
    inputs["bond_index_bias"] = torch.repeat_interleave(first_bond, inputs["num_three_body"]).unsqueeze(-1)
    inputs["three_body_edge_map"] = torch.repeat_interleave(
        torch.arange(int(bonds.sum())), inputs["num_triple_ij"].view(-1)
    )
    inputs["num_graphs"] = torch.tensor(len(graphs))
    return Batch(
        inputs={name: value.to(device) for name, value in inputs.items()},
        energy=torch.stack([graph.energy for graph in graphs]).to(device),
        forces=torch.cat([graph.forces for graph in graphs]).to(device),
        stress=torch.stack([graph.stress for graph in graphs]).to(device),
    )


def predict(model: M3Gnet, batch: Batch, *, differentiable: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Energies (eV), forces (eV/angstrom) and stresses (GPa, shape (n, 3, 3)) of a batch.

    The stress is the derivative by a symmetric strain, per volume.

    :param differentiable: keep what a gradient by the weights needs
    """
    inputs = dict(batch.inputs)
    positions = inputs["atom_pos"].detach().requires_grad_(True)
    strain = torch.zeros_like(inputs["cell"]).requires_grad_(True)
    deformation = torch.eye(3, device=strain.device) + strain
    volume = torch.linalg.det(inputs["cell"])
    inputs["cell"] = inputs["cell"] @ deformation
    inputs["atom_pos"] = torch.einsum("bi,bij->bj", positions, deformation[inputs["batch"]])
    energies = model(inputs)
    gradients = torch.autograd.grad(energies.sum(), [positions, strain], create_graph=differentiable)
    stresses = 0.5 * (gradients[1] + gradients[1].transpose(1, 2)) / volume[:, None, None] / GPa
    return energies, -gradients[0], stresses
