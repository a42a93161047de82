"""Parser of ``anhcsp-engine sscha``."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode
from aiida.orm import StructureData

from ..calculations.base import OUT_FOLDER
from ..calculations.sscha import stages_of
from ..data.dynamical_matrices import DynamicalMatricesData
from ..engine.errors import InputError
from .base import EngineParser


class SschaParser(EngineParser):
    """Attach the result, the final state and the audit ensemble, as far as they exist."""

    def parse(self, **kwargs: Any) -> ExitCode | None:
        """Parse the job of sscha."""
        failure = self.failure()
        names = self.retrieved.base.repository.list_object_names()
        files = self.retrieved.base.repository.list_object_names(OUT_FOLDER) if OUT_FOLDER in names else []
        problem = self._state(files)
        if "audit.extxyz" in files:
            audit = self.population(f"{OUT_FOLDER}/audit.extxyz")
            if isinstance(audit, ExitCode):
                return failure or audit
            self.out("audit", audit)
        result = self.document(f"{OUT_FOLDER}/result.json")
        if isinstance(result, ExitCode):
            return failure or result
        self.out("result", result)
        if failure is None and not result.get_dict().get("converged", False):
            reason = result.get_dict().get("reason", "")
            return self.exit_codes.ERROR_NOT_CONVERGED.format(reason=f": {reason}" if reason else "")
        return failure or problem

    def _state(self, files: list[str]) -> ExitCode | None:
        if not {"structure.extxyz", "dynamical_matrices"} <= set(files):
            return self.missing(f"{OUT_FOLDER}/structure.extxyz and dynamical_matrices")
        settings = self.node.inputs.settings.get_dict()
        a, b, c = (int(number) for number in stages_of(settings)[-1].split(":")[0].split("x"))
        with self.retrieved.base.repository.as_path(OUT_FOLDER) as folder:
            try:
                matrices = DynamicalMatricesData.from_directory(
                    folder, supercell=(a, b, c), temperature=settings["temperature"]
                )
            except (InputError, ValueError) as error:
                return self.exit_codes.ERROR_OUTPUT_UNREADABLE.format(files=OUT_FOLDER, reason=error)
        self.out("dynamical_matrices", matrices)
        self.out("structure", StructureData(ase=matrices.get_structure()))
        return None
