"""Graphs of labelled frames, built once per training, and their batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from ase.units import GPa
from torch import Tensor

from ..frames import labels_of
from ..potentials.m3gnet.graph import Batch, batch_frames
from ..potentials.m3gnet.model import FactorisedM3GNet


@dataclass(frozen=True)
class Labelled:
    """Frames as one graph, with their labels.

    ``energy`` (n_frames,) in eV; ``forces`` (n_atoms, 3) in eV/angstrom; ``stress`` (n_frames, 3, 3) in GPa, NaN for
    a frame that carries none; ``share`` (n_frames,) is the factor of a frame in the loss.
    """

    graph: Batch
    energy: Tensor
    forces: Tensor
    stress: Tensor
    share: Tensor


def build(frame: Atoms, model: FactorisedM3GNet) -> Labelled:
    """One labelled frame as a graph within the model's cutoffs, on the CPU."""
    labels = labels_of(frame)
    stress = np.full((3, 3), np.nan)
    if "stress" in labels:
        stress = voigt_6_to_full_3x3_stress(labels["stress"]) / GPa
    return Labelled(
        graph=batch_frames([frame], model.cutoff, model.threebody_cutoff),
        energy=torch.tensor([labels["energy"]], dtype=torch.float32),
        forces=torch.tensor(np.asarray(labels["forces"]), dtype=torch.float32),
        stress=torch.tensor(stress[None], dtype=torch.float32),
        share=torch.ones(1),
    )


def join(parts: Sequence[Labelled], device: str | torch.device) -> Labelled:
    """Several as one, on a device."""
    graphs = [part.graph for part in parts]
    atoms = np.cumsum([0, *(graph.n_atoms for graph in graphs)])
    bonds = np.cumsum([0, *(len(graph.first) for graph in graphs)])
    graph = Batch(
        numbers=_cat([graph.numbers for graph in graphs], device),
        structure=_cat([graph.structure + index for index, graph in enumerate(graphs)], device),
        volumes=_cat([graph.volumes for graph in graphs], device),
        first=_cat([graph.first + int(shift) for graph, shift in zip(graphs, atoms, strict=False)], device),
        second=_cat([graph.second + int(shift) for graph, shift in zip(graphs, atoms, strict=False)], device),
        vectors=_cat([graph.vectors for graph in graphs], device),
        short=_cat([graph.short + int(shift) for graph, shift in zip(graphs, bonds, strict=False)], device),
    )
    return Labelled(
        graph=graph,
        energy=_cat([part.energy for part in parts], device),
        forces=_cat([part.forces for part in parts], device),
        stress=_cat([part.stress for part in parts], device),
        share=_cat([part.share for part in parts], device),
    )


def _cat(values: Sequence[Tensor], device: str | torch.device) -> Tensor:
    return torch.cat(list(values)).to(device)
