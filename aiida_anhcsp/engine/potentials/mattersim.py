"""MatterSim's checkpoints (M3GNet architecture) as a potential."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from ase import Atoms
from ase.data import chemical_symbols

from ..errors import InputError
from .base import Evaluation
from .batching import batches
from .m3gnet.evaluate import choose_evaluator
from .m3gnet.network import stock_class
from .screening import ScreenedPotential

if TYPE_CHECKING:
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet


class MatterSimPotential(ScreenedPotential):
    """A model of MatterSim's M3GNet architecture with its own cutoffs, evaluated in O(bonds)."""

    def __init__(self, model: M3Gnet, elements: Sequence[str] | None, batch_atoms: int) -> None:
        self.model = model
        self.elements = None if elements is None else frozenset(elements)
        self.known = self.elements or frozenset(chemical_symbols[1 : model.max_z + 1])
        self.cutoff = float(model.model_args["cutoff"])
        self.batch_atoms = batch_atoms
        trial = sorted(self.elements or {"H", "O"})
        self._evaluate = choose_evaluator(model, (trial[0], trial[-1]))

    def evaluate_sane(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        return [
            evaluation
            for batch in batches([len(frame) for frame in frames], self.batch_atoms)
            for evaluation in self._evaluate(self.model, [frames[place] for place in batch])
        ]


def load_mattersim(
    path: Path, device: str = "cpu", threads: int = 1, batch_atoms: int = 64, argument: str = "--potential"
) -> MatterSimPotential:
    """Load a checkpoint that MatterSim wrote, or this project's training.

    :raises InputError: no CUDA device, or the file holds no model of this architecture
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device", "no CUDA device is available", "give --device cpu")
    torch.set_num_threads(threads)
    model, elements = read_checkpoint(path, device, argument)
    return MatterSimPotential(model, elements, batch_atoms)


def read_checkpoint(path: Path, device: str = "cpu", argument: str = "--potential") -> tuple[M3Gnet, list[str] | None]:
    """The stock model of a checkpoint, in evaluation mode, and the elements it was trained on where it says so.

    Weights only: nothing in the file is executed. Every weight must be there and none may be left over.

    :raises InputError: the file cannot be read, or holds no model of this architecture
    """
    fix = "give a checkpoint of MatterSim's M3GNet architecture"
    try:
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        problem = f"{path} is no checkpoint of weights alone, and what else is in it is never executed"
        raise InputError(argument, problem, fix) from error
    except Exception as error:
        raise InputError(argument, f"{path} cannot be read as checkpoint ({_line(error)})", fix) from error
    try:
        if checkpoint["model_name"] != "m3gnet":
            raise ValueError(f"architecture {checkpoint['model_name']!r}")
        model = stock_class()(device=device, **checkpoint["model_args"]).to(device)
        model.load_state_dict(checkpoint["model"], strict=True)
    except Exception as error:
        raise InputError(argument, f"{path} holds no M3GNet model ({_line(error)})", fix) from error
    model.eval()
    model.requires_grad_(False)
    elements = checkpoint.get("elements")
    return model, list(elements) if elements else None


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
