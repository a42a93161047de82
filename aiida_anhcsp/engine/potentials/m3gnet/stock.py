"""The stock path: MatterSim's own graphs and network, as the reference and the fallback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress
from mattersim.datasets.utils.build import build_dataloader
from mattersim.forcefield.potential import batch_to_dict

from ..base import Evaluation

if TYPE_CHECKING:
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet


def evaluate_stock(model: M3Gnet, frames: Sequence[Atoms]) -> list[Evaluation]:
    """Energies, forces and stresses of right-handed frames in one call of the stock network."""
    loader = build_dataloader(
        list(frames),
        cutoff=model.model_args["cutoff"],
        threebody_cutoff=model.model_args["threebody_cutoff"],
        batch_size=len(frames),
        only_inference=True,
    )
    device = next(model.parameters()).device
    inputs = batch_to_dict(next(iter(loader)), device=str(device))
    positions = inputs["atom_pos"].requires_grad_(True)
    strain = torch.zeros_like(inputs["cell"]).requires_grad_(True)
    deformation = torch.eye(3, device=device) + strain
    volumes = torch.linalg.det(inputs["cell"])
    inputs["cell"] = inputs["cell"] @ deformation
    inputs["atom_pos"] = torch.einsum("bi,bij->bj", positions, deformation[inputs["batch"]])
    energies = model(inputs)
    by_position, by_strain = torch.autograd.grad(energies.sum(), [positions, strain])
    stresses = 0.5 * (by_strain + by_strain.transpose(1, 2)) / volumes[:, None, None]
    forces = np.split(-by_position.cpu().numpy().astype(float), np.cumsum([len(frame) for frame in frames])[:-1])
    return [
        Evaluation("ok", energy=float(energy), forces=force, stress=full_3x3_to_voigt_6_stress(stress))
        for energy, force, stress in zip(
            energies.detach().cpu().numpy().astype(float), forces, stresses.cpu().numpy().astype(float), strict=True
        )
    ]
