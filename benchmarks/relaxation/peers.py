"""The same relaxation by other programs, each with MatterSim's own network: frames in, a row per frame out.

A row has ``status`` (``converged``, ``max_steps`` or the name of the exception), ``enthalpy`` (eV/atom) and
``evaluations`` (force calls of that structure).
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import torch_sim
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from ase.units import GPa
from mattersim.applications import batch_relax
from mattersim.datasets.utils.build import build_dataloader
from mattersim.forcefield.potential import MatterSimCalculator, Potential, batch_to_dict
from torch_sim.models.interface import ModelInterface
from torch_sim.optimizers import frechet_cell_fire

from aiida_anhcsp.engine.potentials.mattersim import read_checkpoint

Row = dict[str, Any]


def stock(path: Path) -> Potential:
    """MatterSim's own potential of a checkpoint."""
    return Potential(read_checkpoint(path)[0], device="cpu")


def enthalpy(energy: float, atoms: Atoms, pressure: float) -> float:
    """eV/atom"""
    return float((energy + pressure * GPa * atoms.get_volume()) / len(atoms))


def by_ase(frames: list[Atoms], path: Path, pressure: float, fmax: float, max_steps: int) -> list[Row]:
    """ASE's FIRE on FrechetCellFilter with MatterSim's calculator, one structure after the other."""
    calculator = MatterSimCalculator(potential=stock(path), device="cpu")
    rows = []
    for frame in frames:
        atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True, calculator=calculator)
        optimiser = FIRE(FrechetCellFilter(atoms, scalar_pressure=pressure * GPa), logfile=None)
        row: Row = {"enthalpy": None}
        try:
            row["status"] = "converged" if optimiser.run(fmax=fmax, steps=max_steps) else "max_steps"
            row["enthalpy"] = enthalpy(atoms.get_potential_energy(), atoms, pressure)
        except Exception as error:  # a failure is a result here
            row["status"] = type(error).__name__
        rows.append({**row, "evaluations": optimiser.nsteps + 1})
    return rows


def by_batch_relaxer(frames: list[Atoms], path: Path, pressure: float, fmax: float, max_steps: int) -> list[Row]:
    """MatterSim's BatchRelaxer (FIRE), given a filter that knows the pressure and the cutoffs of the model.

    What it raises costs the whole batch.
    """
    potential = stock(path)
    arguments = potential.model.model_args

    class PressureFilter(FrechetCellFilter):
        def __init__(self, atoms: Atoms) -> None:
            super().__init__(atoms, scalar_pressure=pressure * GPa)

    def loader(atoms: list[Any], **options: Any) -> Any:
        bare = [getattr(one, "atoms", one) for one in atoms]
        cutoffs = {"cutoff": arguments["cutoff"], "threebody_cutoff": arguments["threebody_cutoff"]}
        return build_dataloader(bare, **cutoffs, **options)

    batch_relax.build_dataloader = loader
    relaxer = batch_relax.BatchRelaxer(
        potential, optimizer="FIRE", filter=PressureFilter, fmax=fmax, max_natoms_per_batch=128, max_n_steps=max_steps
    )
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            histories = relaxer.relax(frames)
    except Exception as error:
        return [{"status": type(error).__name__, "enthalpy": None, "evaluations": 0} for _ in frames]
    rows = []
    for number in range(len(frames)):
        history = histories[number]
        end = history[-1]
        status = "converged" if len(history) < max_steps else "max_steps"
        energy = float(end.info["total_energy"])
        rows.append({"status": status, "enthalpy": enthalpy(energy, end, pressure), "evaluations": len(history)})
    return rows


class StockModel(ModelInterface):
    """MatterSim's network behind torch-sim's interface (its own wrapper is for GPUs only); counts its structures."""

    def __init__(self, potential: Potential) -> None:
        super().__init__()
        self._device, self._dtype = torch.device("cpu"), torch.float32
        self._compute_stress = self._compute_forces = True
        self.potential = potential
        self.evaluations = 0

    def forward(self, state: Any, **_: Any) -> dict[str, torch.Tensor]:
        """Energies (eV), forces (eV/angstrom) and stresses (eV/angstrom^3)."""
        atoms = torch_sim.io.state_to_atoms(state)
        self.evaluations += len(atoms)
        arguments = self.potential.model.model_args
        cutoffs = {"cutoff": arguments["cutoff"], "threebody_cutoff": arguments["threebody_cutoff"]}
        loader = build_dataloader(atoms, batch_size=len(atoms), only_inference=True, **cutoffs)
        inputs = batch_to_dict(next(iter(loader)), device="cpu")
        result = self.potential(inputs, include_forces=True, include_stresses=True)
        stress = GPa * result["stresses"].detach()
        return {"energy": result["total_energy"].detach(), "forces": result["forces"].detach(), "stress": stress}


def by_torch_sim(frames: list[Atoms], path: Path, pressure: float, fmax: float, max_steps: int) -> list[Row]:
    """torch-sim's FIRE on its Frechet cell, converged structures leave; what it raises costs the whole batch."""
    model = StockModel(stock(path))
    converged = torch_sim.generate_force_convergence_fn(force_tol=fmax, include_cell_forces=True)
    atoms = [Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True) for frame in frames]
    try:
        state = torch_sim.optimize(
            atoms,
            model,
            optimizer=frechet_cell_fire,
            convergence_fn=converged,
            max_steps=max_steps,
            steps_between_swaps=5,
            autobatcher=torch_sim.InFlightAutoBatcher(model, memory_scales_with="n_atoms", max_memory_scaler=128),
            scalar_pressure=pressure * GPa,
        )
    except Exception as error:
        return [{"status": type(error).__name__, "enthalpy": None, "evaluations": model.evaluations} for _ in frames]
    done = converged(state).numpy()
    rows = []
    for end, energy, reached in zip(torch_sim.io.state_to_atoms(state), state.energy.tolist(), done, strict=True):
        sane = np.isfinite(energy) and np.isfinite(end.positions).all()
        status = ("converged" if reached else "max_steps") if sane else "nonfinite"
        rows.append({"status": status, "enthalpy": enthalpy(energy, end, pressure) if sane else None})
    rows[0]["evaluations"] = model.evaluations  # of the batch: it does not say whose
    return rows


PEERS: dict[str, Callable[[list[Atoms], Path, float, float, int], list[Row]]] = {
    "ase": by_ase,
    "batch_relaxer": by_batch_relaxer,
    "torch_sim": by_torch_sim,
}
