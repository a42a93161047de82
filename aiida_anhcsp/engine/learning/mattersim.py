"""Training of MatterSim's M3GNet models."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

from ..frames import labels_of
from ..potentials.base import Evaluation
from ..potentials.m3gnet.model import FactorisedM3GNet
from .distributed import Group
from .errors import TrainingMemoryError, is_out_of_memory
from .focus import shares_of
from .gradient import GradientTraining, Report
from .graphs import Labelled, build, join
from .learner import Learner
from .m3gnet import scale_energies, shift_energies, species_shifts, write_model
from .settings import CompleteSettings, Weights

logger = logging.getLogger(__name__)

EVALUATION_BATCH = 16


class MatterSimLearner(Learner):
    """A model of MatterSim's M3GNet architecture; graphs are built once and kept."""

    default_epochs = 50
    default_weights = Weights(energy=1.0, force=1.0, stress=0.1)

    def __init__(
        self,
        model: M3Gnet,
        elements: Sequence[str],
        *,
        is_new: bool,
        device: str = "cpu",
        group: Group | None = None,
    ) -> None:
        self.group = group or Group()
        self.model, self.is_new, self.device = model.to(device).eval(), is_new, device
        self.evaluator = FactorisedM3GNet.from_stock(self.model)
        self.elements = set(elements)
        self.largest_batch = EVALUATION_BATCH
        self._graphs: dict[int, tuple[Atoms, Labelled]] = {}

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        """See :class:`Learner`; fewer frames at a time where the memory is too small.

        :raises TrainingMemoryError: not even one frame fits
        """
        evaluations: list[Evaluation] = []
        graphs = [self._graph(frame) for frame in frames]
        while len(evaluations) < len(graphs):
            batch = graphs[len(evaluations) : len(evaluations) + self.largest_batch]
            try:
                evaluations += self._evaluate(batch)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self.largest_batch = len(batch) // 2
                if self.largest_batch == 0:
                    raise TrainingMemoryError(f"one structure at a time needs too much memory ({error})") from error
                logger.warning("out of memory: %d structures at a time are evaluated", self.largest_batch)
        return evaluations

    def _evaluate(self, graphs: Sequence[Labelled]) -> list[Evaluation]:
        batch = join(graphs, self.device)
        energies, forces, stresses = self.evaluator(batch.graph)
        parts = zip(
            energies.cpu().double().numpy(),
            np.split(forces.cpu().double().numpy(), np.cumsum(batch.graph.sizes.cpu().numpy())[:-1]),
            full_3x3_to_voigt_6_stress(stresses.cpu().double().numpy()),
            strict=True,
        )
        return [_evaluation(*part) for part in parts]

    def fit(
        self,
        train: Sequence[Atoms],
        validation: Sequence[Atoms],
        settings: CompleteSettings,
        outdir: Path,
        report: Report,
    ) -> dict[str, Any]:
        fingerprint = self._fingerprint([*train, *validation], settings)
        if self.is_new:
            forces = np.concatenate([labels_of(frame)["forces"] for frame in train])
            scale_energies(self.model, max(float(np.sqrt(np.mean(forces**2))), 1e-2))
        summary: dict[str, Any] = {"cutoff": self.evaluator.cutoff}
        if settings.shifts:
            summary["shifts"] = self._fit_shifts(train)
        shares = torch.tensor(shares_of([*train, *validation], settings.focus), dtype=torch.float32)
        graphs = [
            replace(self._graph(frame), share=share)
            for frame, share in zip([*train, *validation], shares.split(1), strict=True)
        ]
        training = GradientTraining(
            self.model,
            graphs[: len(train)],
            graphs[len(train) :],
            settings,
            checkpoint=outdir / "checkpoint.pth",
            fingerprint=fingerprint,
            device=self.device,
            group=self.group,
        )
        summary["epochs"] = training.run(report)
        self.elements |= {symbol for frame in train for symbol in frame.symbols}
        if self.group.rank == 0:
            (outdir / "checkpoint.pth").unlink(missing_ok=True)
        return summary

    def save(self, outdir: Path) -> Path:
        path = outdir / "model.pth"
        write_model(path, self.model, sorted(self.elements), "trained by aiida-anhcsp")
        return path

    def _fit_shifts(self, frames: Sequence[Atoms]) -> dict[str, float]:
        energies = [evaluation.energy for evaluation in self.evaluate(frames)]
        usable = [(frame, energy) for frame, energy in zip(frames, energies, strict=True) if energy is not None]
        differences = np.array([labels_of(frame)["energy"] - energy for frame, energy in usable])
        shifts = species_shifts([frame.numbers for frame, _ in usable], differences)
        shift_energies(self.model, shifts)
        return shifts

    def _graph(self, frame: Atoms) -> Labelled:
        if id(frame) not in self._graphs:
            self._graphs[id(frame)] = (frame, build(frame, self.evaluator))
        return self._graphs[id(frame)][1]

    def _fingerprint(self, frames: Sequence[Atoms], settings: CompleteSettings) -> str:
        digest = hashlib.sha256(settings.model_dump_json().encode())
        for frame in frames:
            graph = self._graph(frame)
            for tensor in (graph.graph.numbers, graph.graph.vectors, graph.energy, graph.forces, graph.stress):
                digest.update(tensor.numpy().tobytes())
        for value in self.model.state_dict().values():
            digest.update(value.detach().cpu().numpy().tobytes())
        return digest.hexdigest()


def _evaluation(energy: float, forces: np.ndarray, stress: np.ndarray) -> Evaluation:
    if not (np.isfinite(energy) and np.all(np.isfinite(forces)) and np.all(np.isfinite(stress))):
        return Evaluation("nonfinite", "the model gives numbers that are not finite")
    return Evaluation("ok", energy=float(energy), forces=forces, stress=stress)
