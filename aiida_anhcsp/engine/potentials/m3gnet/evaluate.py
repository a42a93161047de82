"""Frames through a model of the M3GNet architecture."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from ..base import Evaluation
from ..batching import batches
from .compare import deviation
from .gradient import energies_and_gradient
from .graph import Bonds, bonds_of, join_bonds
from .memory import bonds_in_memory, bytes_per_bond
from .model import forces_and_stresses

if TYPE_CHECKING:
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

Evaluator = Callable[["M3Gnet", Sequence[Atoms]], list[Evaluation]]


def evaluate_factorised(
    stock: M3Gnet, frames: Sequence[Atoms], most_bonds: Callable[[M3Gnet], float] = bonds_in_memory
) -> list[Evaluation]:
    """Energies, forces and stresses of frames in O(bonds); the numbers of the stock model.

    :param most_bonds: how many bonds may be computed at once; frames are put together up to there, and one that has
        more bonds than that has ``failed``
    """
    limit = most_bonds(stock)
    bonds = [bonds_of(frame, stock.model_args["cutoff"]) for frame in frames]
    evaluations: list[Evaluation] = []
    for group in batches([len(own) for own in bonds], limit):
        if len(bonds[group[0]]) > limit:
            need = len(bonds[group[0]]) * bytes_per_bond(stock) / 1e9
            evaluations.append(Evaluation("failed", f"needs {need:.1f} GB of memory, more than is free"))
        else:
            evaluations += _evaluate([frames[i] for i in group], [bonds[i] for i in group], stock)
    return evaluations


def _evaluate(frames: list[Atoms], bonds: list[Bonds], stock: M3Gnet) -> list[Evaluation]:
    """Of frames with these bonds, all at once."""
    parameter = next(stock.parameters())
    batch = join_bonds(frames, bonds, stock.model_args["threebody_cutoff"], parameter.device, parameter.dtype)
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
