"""Parser of ``anhcsp-engine train``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiida.engine import ExitCode

from ..calculations.base import OUT_FOLDER, STATUS_FILE
from ..data.potential import PotentialData
from .base import EngineParser

DIVERGED, OUT_OF_MEMORY, KILLED = "3", "4", "137"
"""Exit statuses: the engine's own, and that of a process the kernel killed, as it does when memory runs out."""

MODELS = {"model.pth": "mattersim", "model.mtp": "mtp"}


class TrainParser(EngineParser):
    """Attach the trained potential and its metrics."""

    def parse(self, **kwargs: Any) -> ExitCode | None:
        """Parse the job of train."""
        failure = self.failure()
        if failure:
            return failure
        names = self.retrieved.base.repository.list_object_names()
        files = self.retrieved.base.repository.list_object_names(OUT_FOLDER) if OUT_FOLDER in names else []
        model = next((name for name in MODELS if name in files), None)
        if model is None:
            return self.missing(f"{OUT_FOLDER}/model.*")
        metrics = self.document(f"{OUT_FOLDER}/metrics.json")
        self.out("potential", self._potential(model, {} if isinstance(metrics, ExitCode) else metrics.get_dict()))
        if isinstance(metrics, ExitCode):
            reason = "missing" if "metrics.json" not in files else "unreadable"
            return self.exit_codes.ERROR_METRICS_MISSING.format(reason=reason)
        self.out("metrics", metrics)
        return None

    def failure(self) -> ExitCode | None:
        """As for any command, with the two ends that only a training has."""
        try:
            status = self.text(STATUS_FILE).strip()
        except FileNotFoundError:
            return super().failure()
        if status == DIVERGED:
            return self.exit_codes.ERROR_DIVERGED.format(message=self.last_error())
        if status == OUT_OF_MEMORY:
            return self.exit_codes.ERROR_OUT_OF_MEMORY.format(message=self.last_error())
        if status == KILLED:
            return self.exit_codes.ERROR_OUT_OF_MEMORY.format(message="it was killed by signal 9")
        return super().failure()

    def _potential(self, model: str, metrics: Mapping[str, Any]) -> PotentialData:
        kind, inputs = MODELS[model], self.node.inputs
        start = inputs.potential if "potential" in inputs else None
        if kind == "mtp":
            elements = json.loads(self.text(f"{OUT_FOLDER}/{model}.json"))["elements"]
        else:
            elements = start.elements if start else None
        with self.retrieved.base.repository.as_path(f"{OUT_FOLDER}/{model}") as path:
            return PotentialData.from_file(
                path,
                kind,
                elements=elements,
                cutoff=metrics.get("cutoff", start.cutoff if start else None),
                name=self.node.label or "trained",
                training_set=inputs.dataset.base.attributes.get("sha256"),
            )
