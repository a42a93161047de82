"""Parser of ``anhcsp-engine hessian``."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode

from ..calculations.base import OUT_FOLDER
from .base import EngineParser


class HessianParser(EngineParser):
    """Attach the result document."""

    def parse(self, **kwargs: Any) -> ExitCode | None:
        """Parse the job of hessian."""
        failure = self.failure()
        result = self.document(f"{OUT_FOLDER}/result.json")
        if isinstance(result, ExitCode):
            return failure or result
        self.out("result", result)
        return failure
