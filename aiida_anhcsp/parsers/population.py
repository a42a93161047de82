"""Parser of the commands whose result is a population."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode
from aiida.orm import SinglefileData

from ..calculations.base import CHECKPOINT_FILE, OUT_FILE
from ..calculations.functions.labels import complete_frames
from ..calculations.grade import CALIBRATION_FILE
from ..data.population import PopulationData
from ..engine.search.settings import SearchSettings
from .base import EngineParser

GOOD = frozenset({"ok", "converged", "max_steps"})
OUT_OF_TIME = "out of time"
"""Reason of the structures that ``relax`` had not finished when its wall time ended."""


class PopulationParser(EngineParser):
    """Attach the population, whole or partial; the exit code says what is missing from it."""

    def parse(self, **kwargs: Any) -> ExitCode | None:
        """Parse the job of generate, vary, relax or evaluate."""
        failure = self.failure()
        if CHECKPOINT_FILE in self.retrieved.base.repository.list_object_names():
            with self.retrieved.base.repository.open(CHECKPOINT_FILE, mode="rb") as handle:
                self.out("checkpoint", SinglefileData(handle, filename=CHECKPOINT_FILE))
        population = self.population(OUT_FILE)
        if isinstance(population, ExitCode) and failure is not None:
            population = self.complete_part() or population
        if isinstance(population, ExitCode):
            return failure or population
        self.out("population", population)
        if CALIBRATION_FILE in self.retrieved.base.repository.list_object_names():
            calibration = self.document(CALIBRATION_FILE)
            if isinstance(calibration, ExitCode):
                return failure or calibration
            self.out("calibration", calibration)
        return failure or self._shortfall(population)

    def complete_part(self) -> PopulationData | None:
        """The structures of a job that was killed while it wrote the next."""
        try:
            frames = complete_frames(self.text(OUT_FILE))
        except FileNotFoundError:
            return None
        return PopulationData.from_frames(frames) if frames else None

    def _shortfall(self, population: PopulationData) -> ExitCode | None:
        inputs = self.node.inputs
        frame_by_frame = "ERROR_ALL_FAILED" in self.exit_codes
        total = inputs.population.count if frame_by_frame else self._asked_for()
        statuses = population.base.attributes.get("statuses")
        if frame_by_frame and population.count == total and not GOOD & set(statuses):
            counts = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
            return self.exit_codes.ERROR_ALL_FAILED.format(total=total, statuses=counts)
        if total is not None and population.count < total:
            return self.exit_codes.ERROR_INCOMPLETE.format(missing=total - population.count, total=total)
        unfinished = sum(frame.info.get("reason") == OUT_OF_TIME for frame in population.get_frames())
        if unfinished and "ERROR_OUT_OF_TIME" in self.exit_codes:
            return self.exit_codes.ERROR_OUT_OF_TIME.format(unfinished=unfinished, total=total)
        return None

    def _asked_for(self) -> int | None:
        """Structures that were to be made: of the last generation of a search as many as ``max_relaxations`` leaves."""
        inputs = self.node.inputs
        keys = inputs.settings.get_dict()
        if keys.get("max_relaxations") is None:
            number: int | None = keys.get("population")
            return number
        return SearchSettings.parse(keys).number_in(inputs.generation.value if "generation" in inputs else 0)
