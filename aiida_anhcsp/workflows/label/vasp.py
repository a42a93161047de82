"""Labels by VASP, through aiida-vasp."""

from __future__ import annotations

from aiida.orm import Data, Dict

from ...calculations.functions.vasp import collect_vasp
from ..protocols.references import LabelProtocol
from ..vasp_jobs import VaspJobsWorkChain
from .base import LabelWorkChain


class VaspLabelWorkChain(LabelProtocol, VaspJobsWorkChain, LabelWorkChain):
    """Energies (free energies, which the forces derive from), forces and stresses by static PBE with VASP."""

    PROTOCOL_FILE = "label.vasp.yaml"

    def join(self, jobs: Dict, results: dict[str, Data], metadata: dict[str, str]) -> dict[str, Data]:
        """Join VASP's outputs to the structures."""
        joined: dict[str, Data] = collect_vasp(
            population=self.inputs.population, settings=self.all_settings(), jobs=jobs, **results, metadata=metadata
        )
        return joined
