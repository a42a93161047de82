"""Small models and frames the tests of potentials share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

TINY = {"num_blocks": 2, "units": 16, "max_l": 3, "max_n": 3, "cutoff": 4.0, "threebody_cutoff": 3.0}


def random_model(seed: int = 0, strength: float = 1.0, **model_args: float) -> M3Gnet:
    """A stock M3GNet with random weights, per-species scale (times ``strength``) and shift included."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = M3Gnet(device="cpu", **(model_args or TINY))
        model.normalizer.shift.uniform_(-5.0, 5.0)
        model.normalizer.scale.uniform_(0.5, 2.0).mul_(strength)
    return model.eval().requires_grad_(False)


def write_checkpoint(path: Path, model: M3Gnet, **extra: object) -> Path:
    """A checkpoint with the keys that loading needs, and ``extra`` ones."""
    torch.save(
        {"model_name": "m3gnet", "model": model.state_dict(), "model_args": model.get_model_args(), **extra}, path
    )
    return path


def random_frame(
    rng: np.random.Generator, atoms: int, volume: float, symbols: Sequence[str] = ("H", "S"), nearest: float = 0.7
) -> Atoms:
    """Atoms at random in a random cell, ``volume`` angstrom^3 per atom, none nearer than ``nearest`` (angstrom)."""
    cell = np.eye(3) + rng.uniform(-0.3, 0.3, (3, 3))
    cell *= (atoms * volume / abs(np.linalg.det(cell))) ** (1 / 3)
    frame = Atoms(cell=cell, pbc=True)
    while len(frame) < atoms:
        trial = frame + Atoms(str(rng.choice(symbols)), positions=rng.random((1, 3)) @ cell)
        if len(trial) == 1 or trial.get_distances(-1, range(len(frame)), mic=True).min() > nearest:
            frame = trial
    return frame
