"""Relaxation by VASP, through aiida-vasp."""

from __future__ import annotations

from typing import Any, ClassVar

from aiida.orm import Data, Dict, ProcessNode

from ...calculations.functions.vasp import collect_vasp_relaxed
from ..protocols.references import DftRelaxProtocol
from ..vasp_jobs import PARSER, STATIC_INCAR, VaspJobsWorkChain
from .base import DftRelaxWorkChain

MISC, STRUCTURE = "misc__", "structure__"


class VaspRelaxWorkChain(DftRelaxProtocol, VaspJobsWorkChain, DftRelaxWorkChain):
    """Relaxation of cell and positions at a pressure by VASP (conjugate gradients, ISIF = 3, PSTRESS).

    The plane waves of the first cell are kept during one run: take a cutoff that converges the stress.
    """

    PROTOCOL_FILE = "dft_relax.vasp.yaml"
    INCAR: ClassVar[dict[str, Any]] = {**STATIC_INCAR, "ibrion": 2, "nsw": 100, "isif": 3, "ediffg": -0.01}
    PARSER_SETTINGS: ClassVar[dict[str, Any]] = {**PARSER, "include_node": ["structure"]}

    def incar(self) -> dict[str, Any]:
        """The INCAR with the target pressure, in kB."""
        return {**super().incar(), "pstress": 10 * self.inputs.pressure.value}

    def result_of(self, child: ProcessNode) -> Data | None:
        """VASP's final geometry, where it ended well."""
        return child.outputs.structure if super().result_of(child) and "structure" in child.outputs else None

    def join(self, jobs: Dict, results: dict[str, Data], metadata: dict[str, str]) -> dict[str, Data]:
        """Join the relaxed geometries and their labels to the structures."""
        inputs = {f"{STRUCTURE}{name}": node for name, node in results.items()}
        inputs.update({f"{MISC}{name}": self.ctx[name].outputs.misc for name in results})
        joined: dict[str, Data] = collect_vasp_relaxed(
            population=self.inputs.population,
            settings=self.all_settings(),
            pressure=self.inputs.pressure,
            jobs=jobs,
            **inputs,
            metadata=metadata,
        )
        return joined
