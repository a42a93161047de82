"""Labels by GPAW, through aiida-shell."""

from __future__ import annotations

from aiida.orm import Data, Dict

from ...calculations.functions.labels import collect_gpaw
from ..gpaw_jobs import GpawWorkChain
from ..protocols.references import LabelProtocol
from .base import LabelWorkChain


class GpawLabelWorkChain(LabelProtocol, GpawWorkChain, LabelWorkChain):
    """Energies (free energies, which the forces derive from), forces and stresses by GPAW.

    Plane waves, Gamma-centred k points by spacing, no symmetry. Many structures share a job, and each label is
    written as soon as it is computed, so that a job that is killed loses one label only.
    """

    PROTOCOL_FILE = "label.gpaw.yaml"

    def join(self, jobs: Dict, results: dict[str, Data], metadata: dict[str, str]) -> dict[str, Data]:
        """Join the labels of all jobs to the structures."""
        joined: dict[str, Data] = collect_gpaw(
            population=self.inputs.population, settings=self.all_settings(), jobs=jobs, **results, metadata=metadata
        )
        return joined
