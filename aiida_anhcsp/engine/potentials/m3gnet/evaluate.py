"""Frames through a model of the M3GNet architecture."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from ..base import Evaluation
from .compare import deviation
from .gradient import energies_and_gradient
from .graph import batch_frames
from .model import forces_and_stresses

if TYPE_CHECKING:
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

Evaluator = Callable[["M3Gnet", Sequence[Atoms]], list[Evaluation]]


def evaluate_factorised(stock: M3Gnet, frames: Sequence[Atoms]) -> list[Evaluation]:
    """Energies, forces and stresses of frames in one call, in O(bonds); the numbers of the stock model."""
    parameter = next(stock.parameters())
    batch = batch_frames(
        frames, stock.model_args["cutoff"], stock.model_args["threebody_cutoff"], parameter.device, parameter.dtype
    )
    energies, by_vector = energies_and_gradient(stock, batch)
    forces, stresses = (values.cpu().numpy().astype(float) for values in forces_and_stresses(batch, by_vector))
    split = np.split(forces, np.cumsum([len(frame) for frame in frames])[:-1])
    return [
        Evaluation("ok", energy=float(energy), forces=force, stress=full_3x3_to_voigt_6_stress(stress))
        for energy, force, stress in zip(energies.cpu(), split, stresses, strict=True)
    ]


def choose_evaluator(stock: M3Gnet, elements: tuple[str, str]) -> Evaluator:
    """The factorised evaluation where it is the stock model's function, else MatterSim's own path, with a warning.

    :param elements: two species the model knows, to try it with
    """
    difference = deviation(stock, elements)
    if not difference:
        return evaluate_factorised
    warnings.warn(f"the fast evaluation differs from MatterSim's ({difference}): using MatterSim's", stacklevel=2)
    from .stock import evaluate_stock

    return evaluate_stock
