"""Parser of ``anhcsp-engine hessian``."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode

from ..calculations.base import OUT_FOLDER
from ..data.dynamical_matrices import DynamicalMatricesData
from ..engine.errors import InputError
from .base import EngineParser


class HessianParser(EngineParser):
    """Attach the result document and the matrices."""

    def parse(self, **kwargs: Any) -> ExitCode | None:
        """Parse the job of hessian."""
        failure = self.failure()
        result = self.document(f"{OUT_FOLDER}/result.json")
        if isinstance(result, ExitCode):
            return failure or result
        self.out("result", result)
        start = self.node.inputs.dynamical_matrices
        with self.retrieved.base.repository.as_path(OUT_FOLDER) as folder:
            try:
                matrices = DynamicalMatricesData.from_directory(
                    folder, supercell=start.supercell, temperature=start.base.attributes.get("temperature")
                )
            except InputError as error:
                return failure or self.exit_codes.ERROR_OUTPUT_UNREADABLE.format(files=OUT_FOLDER, reason=error)
        self.out("hessian", matrices)
        return failure
