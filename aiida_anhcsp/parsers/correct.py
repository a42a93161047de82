"""Parser of ``anhcsp-engine correct``."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode

from ..calculations.correct import CORRECTION_FILE
from .base import EngineParser


class CorrectParser(EngineParser):
    """Attach the corrected result."""

    def parse(self, **kwargs: Any) -> ExitCode | None:
        """Parse the job of correct."""
        failure = self.failure()
        result = self.document(CORRECTION_FILE)
        if isinstance(result, ExitCode):
            return failure or result
        self.out("result", result)
        return failure
