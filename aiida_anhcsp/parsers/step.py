"""Parser of ``anhcsp-engine step``."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode
from aiida.orm import StructureData

from ..calculations.base import OUT_FOLDER
from ..data.dynamical_matrices import DynamicalMatricesData
from ..engine.errors import InputError
from .base import EngineParser


class StepParser(EngineParser):
    """Attach the measurement of the state and the next state."""

    def parse(self, **kwargs: Any) -> ExitCode | None:
        """Parse the job of step."""
        failure = self.failure()
        if failure:
            return failure
        result = self.document(f"{OUT_FOLDER}/result.json")
        if isinstance(result, ExitCode):
            return result
        self.out("result", result)
        start = self.node.inputs.dynamical_matrices
        with self.retrieved.base.repository.as_path(OUT_FOLDER) as folder:
            try:
                matrices = DynamicalMatricesData.from_directory(
                    folder, supercell=start.supercell, temperature=start.base.attributes.get("temperature")
                )
            except (InputError, ValueError) as error:
                return self.exit_codes.ERROR_OUTPUT_UNREADABLE.format(files=OUT_FOLDER, reason=error)
        self.out("dynamical_matrices", matrices)
        self.out("structure", StructureData(ase=matrices.get_structure()))
        if not result["converged"]:
            return self.exit_codes.ERROR_NOT_CONVERGED.format(reason=result["reason"])
        return None
