"""Gradient training of a graph network: the loop, its checkpoint of each epoch, and its restart when it diverges."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.units import GPa
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet
from torch import Tensor
from torch_ema import ExponentialMovingAverage

from ..errors import InputError
from ..potentials.m3gnet.model import FactorisedM3GNet
from .distributed import Group
from .errors import TrainingDivergedError, TrainingMemoryError, is_out_of_memory
from .graphs import Labelled, join
from .settings import CompleteSettings

logger = logging.getLogger(__name__)

RESTARTS = 3

Report = Callable[[dict[str, Any]], None]


class GradientTraining:
    """Trains ``model`` in place; afterwards it carries the averaged weights of the best epoch.

    Best is the lowest validation loss of the averaged (EMA) weights, or the last epoch without a validation set.
    A loss that is not finite starts the training again from its first weights at half the learning rate.

    The processes of a ``group`` share every batch; each then takes the same step by the sum of their gradients.
    """

    def __init__(
        self,
        model: M3Gnet,
        train: Sequence[Labelled],
        validation: Sequence[Labelled],
        settings: CompleteSettings,
        *,
        checkpoint: Path,
        fingerprint: str,
        device: str = "cpu",
        group: Group | None = None,
    ) -> None:
        self.model, self.train, self.validation, self.settings = model.to(device), train, validation, settings
        self.evaluator = FactorisedM3GNet.from_stock(self.model)
        self.checkpoint, self.fingerprint, self.device = checkpoint, fingerprint, device
        self.group = group or Group()
        self.trained = trainable(self.model, settings.frozen_blocks)
        self.start = copy.deepcopy(model.state_dict())
        self.history: list[dict[str, Any]] = []
        self.restarts = 0
        self.largest_piece = settings.batch_size
        self._begin()

    def run(self, report: Report) -> list[dict[str, Any]]:
        """Train to the last epoch, or until patience ends; ``report`` gets each epoch's record.

        A checkpoint of the same training (its fingerprint tells) is continued as if it had never stopped.

        :return: the record of every epoch: ``epoch``, ``learning_rate``, ``loss``, ``validation_loss``
        :raises TrainingDivergedError: the loss became infinite RESTARTS + 1 times
        """
        self._resume()
        while not self._finished():
            try:
                record = self._epoch()
            except FloatingPointError as error:
                self._restart(str(error))
                continue
            self.history.append(record)
            self._save()
            report(record)
        self.model.load_state_dict(self.best)
        self.model.eval()
        return self.history

    def _begin(self) -> None:
        self.model.load_state_dict(self.start)
        self.optimizer = torch.optim.Adam(self.trained, lr=self.settings.learning_rate, eps=1e-7)
        self.ema = ExponentialMovingAverage(self.trained, decay=self.settings.ema_decay)
        self.best: dict[str, Tensor] = copy.deepcopy(self.start)
        self.best_loss, self.best_epoch = float("inf"), -1
        self.history.clear()

    def _finished(self) -> bool:
        done, patience = len(self.history), self.settings.patience
        return done >= self.settings.epochs or (
            patience is not None and len(self.validation) > 0 and done - 1 - self.best_epoch >= patience
        )

    def _epoch(self) -> dict[str, Any]:
        epoch, settings = len(self.history), self.settings
        rate = settings.learning_rate_at(epoch) / 2**self.restarts
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(self.train))
        self.model.train()
        total = 0.0
        for first in range(0, len(order), settings.batch_size):
            graphs = [self.train[index] for index in order[first : first + settings.batch_size]]
            total += self._step(graphs) * len(graphs)
        record = {"epoch": epoch, "learning_rate": rate, "loss": total / len(order)}
        with self.ema.average_parameters():
            self.model.eval()
            loss = self._validation_loss()
            if loss is not None:
                record["validation_loss"] = loss
            if loss is None or loss < self.best_loss:
                self.best, self.best_epoch = copy.deepcopy(self.model.state_dict()), epoch
                self.best_loss = float("inf") if loss is None else loss
        return record

    def _step(self, graphs: Sequence[Labelled]) -> float:
        loss = self._gradient(graphs)
        norm = torch.nn.utils.clip_grad_norm_(
            self.trained, self.settings.gradient_clip if self.settings.gradient_clip else float("inf")
        )
        if not np.isfinite(loss) or not torch.isfinite(norm):
            raise FloatingPointError(f"loss {loss:.3g} and gradient {norm.item():.3g} in epoch {len(self.history)}")
        self.optimizer.step()
        self.ema.update()
        return loss

    def _gradient(self, graphs: Sequence[Labelled]) -> float:
        """Leave the gradient of the graphs' loss in the parameters; in pieces where the memory is too small."""
        share = self.group.share(graphs)
        while True:
            self.optimizer.zero_grad(set_to_none=True)
            try:
                total = 0.0
                for piece in self._in_pieces(share):
                    loss = self._loss(piece, graphs, differentiable=True)
                    loss.backward()
                    total += float(loss.item())
                return self.group.add_up(total, self.trained)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self.largest_piece = min(self.largest_piece, len(share)) // 2
                if self.largest_piece == 0:
                    raise TrainingMemoryError(f"one structure at a time needs too much memory ({error})") from error
                logger.warning("out of memory: gradients are summed over %d structures at a time", self.largest_piece)

    def _validation_loss(self) -> float | None:
        if not self.validation:
            return None
        pieces = self._in_pieces(self.group.share(self.validation))
        total = sum(float(self._loss(piece, self.validation, differentiable=False).item()) for piece in pieces)
        total = self.group.add_up(total)
        if not np.isfinite(total):
            raise FloatingPointError(f"validation loss {total} in epoch {len(self.history)}")
        return total

    def _in_pieces(self, graphs: Sequence[Labelled]) -> Iterator[Sequence[Labelled]]:
        size = min(self.largest_piece, self.settings.batch_size)
        for first in range(0, len(graphs), size):
            yield graphs[first : first + size]

    def _loss(self, piece: Sequence[Labelled], whole: Sequence[Labelled], *, differentiable: bool) -> Tensor:
        """Share of ``piece`` in the loss of ``whole``, a mean over structures and over force components."""
        batch = join(piece, self.device)
        energy, forces, stress = self.evaluator(batch.graph, create_graph=differentiable)
        weights, structures, atoms = self.settings.weights, len(whole), sum(part.graph.n_atoms for part in whole)
        share = batch.share
        parts = (
            (weights.energy / structures, (energy - batch.energy) / batch.graph.sizes, share),
            (weights.force / (3 * atoms), forces - batch.forces, share[batch.graph.structure, None]),
            (weights.stress / (9 * structures), stress / GPa - batch.stress, share[:, None, None]),
        )
        zero = torch.zeros((), device=energy.device)
        return sum(
            (weight * (factor * self._penalty(difference)).sum() for weight, difference, factor in parts if weight > 0),
            start=zero,
        )

    def _penalty(self, difference: Tensor) -> Tensor:
        target = torch.zeros_like(difference)
        if self.settings.loss == "mse":
            return torch.nn.functional.mse_loss(difference, target, reduction="none")
        return torch.nn.functional.huber_loss(difference, target, reduction="none", delta=self.settings.huber_delta)

    def _restart(self, reason: str) -> None:
        if self.restarts == RESTARTS:
            raise TrainingDivergedError(
                f"training diverged at {RESTARTS + 1} learning rates, the last "
                f"{self.settings.learning_rate / 2**self.restarts:.1e} ({reason}); look for wrong labels in the "
                "dataset, or give a smaller --learning-rate"
            )
        self.restarts += 1
        logger.warning("training diverged (%s): starting again at half the learning rate", reason)
        self._begin()

    def _save(self) -> None:
        if self.group.rank > 0:
            return
        state = {
            "fingerprint": self.fingerprint,
            "history": self.history,
            "restarts": self.restarts,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": self.ema.state_dict(),
            "best": self.best,
            "best_loss": self.best_loss,
            "best_epoch": self.best_epoch,
        }
        temporary = self.checkpoint.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, self.checkpoint)

    def _resume(self) -> None:
        if not self.checkpoint.is_file():
            return
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if state["fingerprint"] != self.fingerprint:
            logger.warning("%s is of another training and is not continued", self.checkpoint)
            return
        self.history, self.restarts = list(state["history"]), state["restarts"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.load_state_dict(state["ema"])
        self.best, self.best_loss, self.best_epoch = state["best"], state["best_loss"], state["best_epoch"]
        logger.info("continuing after epoch %d", len(self.history) - 1)


def trainable(model: M3Gnet, frozen_blocks: int) -> list[torch.nn.Parameter]:
    """Parameters that are trained; those of the embeddings and of the first blocks are not, where any is frozen.

    :raises InputError: the model has fewer blocks
    """
    blocks = len(model.graph_conv)
    if frozen_blocks > blocks:
        raise InputError("frozen_blocks", f"{frozen_blocks} of {blocks} blocks", f"give at most {blocks}")
    frozen: list[torch.nn.Module] = []
    if frozen_blocks:
        frozen = [model.atom_embedding, model.edge_encoder, *model.graph_conv[:frozen_blocks]]
    kept = {id(parameter) for module in frozen for parameter in module.parameters()}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) not in kept)
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
