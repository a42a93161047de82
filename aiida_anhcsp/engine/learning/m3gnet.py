"""Models of the M3GNet architecture: made from nothing, scaled and shifted, written as MatterSim's checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.data import atomic_numbers, chemical_symbols
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet
from numpy.typing import NDArray

from .trainable import new_m3gnet_options


def new_model(options: Mapping[str, Any], seed: int, argument: str = "--potential") -> M3Gnet:
    """A model with random weights and the options of :func:`new_m3gnet_options`.

    :raises InputError: see there
    """
    values = new_m3gnet_options(options, argument)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return M3Gnet(device="cpu", **values)


def write_model(path: Path, model: M3Gnet, elements: Sequence[str], description: str) -> None:
    """Write a checkpoint that stock MatterSim reads, with ``elements`` and without any state of the training."""
    torch.save(
        {
            "model_name": "m3gnet",
            "model": {name: value.detach().cpu() for name, value in model.state_dict().items()},
            "model_args": dict(model.model_args),
            "optimizer": {},
            "ema": {},
            "scheduler": {},
            "last_epoch": -1,
            "validation_metrics": {},
            "description": description,
            "elements": list(elements),
        },
        path,
    )


def scale_energies(model: M3Gnet, force_rms: float) -> None:
    """Let the network of a new model work on numbers of order one: its energies times the RMS force (eV)."""
    model.normalizer.scale.fill_(force_rms)


def shift_energies(model: M3Gnet, shifts: Mapping[str, float]) -> None:
    """Add a reference energy per species (eV/atom) to those the model has, in its own normaliser."""
    for element, shift in shifts.items():
        model.normalizer.shift[atomic_numbers[element]] += shift


def species_shifts(numbers: Sequence[NDArray[np.int_]], differences: NDArray[np.float64]) -> dict[str, float]:
    """Reference energies per species that explain E_DFT - E_model best, by least squares per atom.

    Of compositions that do not tell the species apart the shortest solution is taken.

    :param numbers: atomic numbers per structure
    :param differences: E_DFT - E_model per structure, shape (n_structures,), eV
    :return: eV/atom by chemical symbol
    """
    species = sorted({int(number) for atoms in numbers for number in atoms})
    sizes = np.array([len(atoms) for atoms in numbers])
    counts = np.array([[np.count_nonzero(atoms == number) for number in species] for atoms in numbers])
    solution, *_ = np.linalg.lstsq(counts / sizes[:, None], differences / sizes, rcond=None)
    return {chemical_symbols[number]: float(value) for number, value in zip(species, solution, strict=True)}
