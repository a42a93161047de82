"""Training from a labelled dataset to a model file and its metrics."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from ..errors import InputError
from .dataset import check_labels, split_by_family
from .gradient import Report
from .learners import Learner
from .metrics import errors_by_part, errors_by_round
from .settings import TrainSettings


def train(
    frames: Sequence[Atoms], learner: Learner, settings: TrainSettings, outdir: Path, report: Report
) -> dict[str, Any]:
    """Train ``learner`` on a split of ``frames`` and write the model and ``metrics.json`` into ``outdir``.

    :param report: called with the record of each epoch
    :return: the metrics: ``before`` (absent for a new model) and ``after`` by split, ``by_round``, ``split`` (indices
        into ``frames``), ``epochs``, ``shifts`` (eV by element), ``settings``, ``wall_time`` (s)
    :raises InputError: frames that must not be trained on together
    :raises TrainingDivergedError: no learning rate tried leads anywhere
    """
    started = time.monotonic()
    check_labels(frames, stress=settings.weights.stress > 0, argument="DATASET")
    parts = split_by_family(frames, settings.split, settings.seed)
    if not parts["train"]:
        raise InputError("DATASET", "nothing is left to train on", "give more structures, or a smaller split")
    outdir.mkdir(parents=True, exist_ok=True)
    before = None if learner.is_new else learner.evaluate(frames)
    summary = learner.fit(
        [frames[index] for index in parts["train"]],
        [frames[index] for index in parts["validation"]],
        settings,
        outdir,
        report,
    )
    learner.save(outdir)
    after = learner.evaluate(frames)
    metrics: dict[str, Any] = {}
    if before is not None:
        metrics["before"] = errors_by_part(frames, before, parts)
    metrics["after"] = errors_by_part(frames, after, parts)
    metrics["by_round"] = errors_by_round(frames, before, after, parts["test"])
    metrics |= {"split": parts, **summary, "settings": settings.model_dump()}
    metrics["wall_time"] = round(time.monotonic() - started, 3)
    (outdir / "metrics.json").write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n")
    return metrics
