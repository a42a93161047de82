"""Training from a labelled dataset to a model file and its metrics."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from ..errors import InputError
from ..potentials.screening import refusal
from .dataset import check_labels, split_by_family
from .focus import heights_of
from .gradient import Report
from .learner import Learner
from .metrics import errors_by_part, errors_by_round
from .parity import parity_of
from .settings import Focus, TrainSettings

logger = logging.getLogger(__name__)


def train(
    frames: Sequence[Atoms], learner: Learner, settings: TrainSettings, outdir: Path, report: Report
) -> dict[str, Any]:
    """Train ``learner`` on a split of ``frames`` and write the model and ``metrics.json`` into ``outdir``.

    Frames that no potential computes (overlapping atoms, no volume) are left out and named in ``left_out``.

    :param report: called with the record of each epoch
    :return: the metrics: ``before`` (absent for a new model) and ``after`` by split and, with a focus, of all that are
        ``low`` (no higher above the hull than its height), ``by_round``,
        ``parity`` (points of the plots), ``split`` (indices into ``frames``), ``cutoff`` (angstrom),
        ``epochs``, ``shifts`` (eV by element), ``settings``, ``wall_time`` (s)
    :raises InputError: frames that must not be trained on together
    :raises TrainingDivergedError: no learning rate tried leads anywhere
    """
    started = time.monotonic()
    complete = settings.completed(learner.default_epochs, learner.default_weights)
    check_labels(frames, stress=complete.weights.stress > 0, argument="DATASET")
    refused = {index: reason for index, frame in enumerate(frames) if (reason := refusal(frame)) is not None}
    for index, evaluation in refused.items():
        logger.warning("frame %d is left out: %s", index, evaluation.reason)
    usable = [index for index in range(len(frames)) if index not in refused]
    sane = [frames[index] for index in usable]
    parts = split_by_family(sane, complete.split, complete.split_seed)
    if not parts["train"]:
        raise InputError("DATASET", "nothing is left to train on", "give more structures")
    outdir.mkdir(parents=True, exist_ok=True)
    counted = parts if complete.focus is None else parts | {"low": _low(sane, complete.focus)}
    before = None if learner.is_new else learner.evaluate(sane)
    members = {name: [sane[index] for index in indices] for name, indices in parts.items()}
    summary = learner.fit(members["train"], members["validation"], complete, outdir, report)
    learner.save(outdir)
    after = learner.evaluate(sane)
    metrics: dict[str, Any] = {}
    if before is not None:
        metrics["before"] = errors_by_part(sane, before, counted)
    metrics["after"] = errors_by_part(sane, after, counted)
    metrics["by_round"] = errors_by_round(sane, before, after, parts["test"])
    metrics["parity"] = parity_of(sane, before, after)
    metrics["split"] = {name: [usable[index] for index in indices] for name, indices in parts.items()}
    metrics["left_out"] = {str(index): evaluation.reason for index, evaluation in refused.items()}
    metrics |= {**summary, "settings": complete.model_dump()}
    metrics["wall_time"] = round(time.monotonic() - started, 3)
    (outdir / "metrics.json").write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n")
    return metrics


def _low(frames: Sequence[Atoms], focus: Focus) -> list[int]:
    return [index for index, height in enumerate(heights_of(frames, focus.pressure)) if height <= focus.height]
