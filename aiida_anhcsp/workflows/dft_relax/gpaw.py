"""Relaxation by GPAW, through aiida-shell."""

from __future__ import annotations

from typing import Any

from aiida.orm import Data, Dict

from ...calculations.functions.labels import collect_relaxed
from ..gpaw_jobs import HELP, GpawWorkChain
from ..gpaw_settings import GpawRelaxSettings
from ..protocols.references import DftRelaxProtocol
from .base import DftRelaxWorkChain


class GpawRelaxWorkChain(DftRelaxProtocol, GpawWorkChain, DftRelaxWorkChain):
    """Relaxation of cell and positions by GPAW with ASE's ExpCellFilter and BFGS.

    Plane waves, Gamma-centred k points by spacing. Stresses are those of a finite basis: take a cutoff that
    converges them.
    """

    PROTOCOL_FILE = "dft_relax.gpaw.yaml"
    SETTINGS = GpawRelaxSettings
    SETTINGS_HELP = f"{HELP}; fmax (eV/angstrom, 0.02) and max_steps (60) of the relaxation."

    def script_settings(self) -> Dict:
        """The pressure is a setting of the script."""
        return Dict({**self.all_settings().get_dict(), "pressure": self.inputs.pressure.value})

    def join(self, jobs: Dict, results: dict[str, Data], metadata: dict[str, str]) -> dict[str, Data]:
        """Join the relaxed geometries of all jobs to the structures."""
        inputs: dict[str, Any] = {"settings": self.all_settings(), "pressure": self.inputs.pressure, **results}
        joined: dict[str, Data] = collect_relaxed(
            population=self.inputs.population, jobs=jobs, **inputs, metadata=metadata
        )
        return joined
