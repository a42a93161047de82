"""What all parsers share: how the engine ended, and reading what it left."""

from __future__ import annotations

import json
import math
from typing import Any

from aiida.engine import ExitCode
from aiida.orm import Dict
from aiida.parsers import Parser

from ..calculations.base import STATUS_FILE, STDERR_FILE
from ..data.population import PopulationData
from ..engine.errors import InputError


class EngineParser(Parser):
    """Parser of a job that ran one ``anhcsp-engine`` command."""

    def failure(self) -> ExitCode | None:
        """Exit code of a command that did not do its work, or None; the exit status is in a file of the job."""
        try:
            status = int(self.text(STATUS_FILE))
        except (FileNotFoundError, ValueError):
            scheduler = self.node.exit_message or "no exit status was written"
            return self.exit_codes.ERROR_INTERRUPTED.format(reason=scheduler)
        if status == 0:
            return None
        if status == 2:
            return self.exit_codes.ERROR_INPUT.format(message=self.last_error())
        if status > 128:
            return self.exit_codes.ERROR_INTERRUPTED.format(reason=f"signal {status - 128}")
        return self.exit_codes.ERROR_ENGINE_FAILED.format(status=status, message=self.last_error())

    def text(self, path: str) -> str:
        """Content of a retrieved file.

        :raises FileNotFoundError: it was not retrieved.
        """
        return str(self.retrieved.base.repository.get_object_content(path, mode="r"))

    def last_error(self) -> str:
        """Last line the engine wrote on standard error."""
        try:
            lines = self.text(STDERR_FILE).strip().splitlines()
        except FileNotFoundError:
            lines = []
        return lines[-1].strip() if lines else "nothing on standard error"

    def missing(self, path: str) -> ExitCode:
        """Exit code of a command that ended well and left out a file."""
        return self.exit_codes.ERROR_OUTPUT_MISSING.format(files=path)

    def population(self, path: str) -> PopulationData | ExitCode:
        """Population in a retrieved file, or the exit code that says why there is none."""
        try:
            with self.retrieved.base.repository.open(path, mode="rb") as handle:
                return PopulationData(handle, filename=PopulationData.DEFAULT_FILENAME)
        except FileNotFoundError:
            return self.missing(path)
        except InputError as error:
            return self.exit_codes.ERROR_OUTPUT_UNREADABLE.format(files=path, reason=error)

    def document(self, path: str) -> Dict | ExitCode:
        """JSON document in a retrieved file, or the exit code that says why there is none."""
        try:
            return Dict(finite(json.loads(self.text(path))))
        except FileNotFoundError:
            return self.missing(path)
        except (json.JSONDecodeError, TypeError) as error:
            return self.exit_codes.ERROR_OUTPUT_UNREADABLE.format(files=path, reason=error)


def finite(value: Any) -> Any:
    """``value`` without the members of its mappings that are NaN, infinite or None (AiiDA stores none of these)."""
    if isinstance(value, dict):
        kept = {key: finite(member) for key, member in value.items()}
        return {key: member for key, member in kept.items() if member is not None}
    if isinstance(value, list):
        return [finite(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
