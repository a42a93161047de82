"""``anhcsp-engine hessian`` as a job."""

from __future__ import annotations

from pathlib import Path

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict

from ..data.dynamical_matrices import DynamicalMatricesData
from ..engine.sscha.settings import MATRICES_FOLDER, STRUCTURE_FILE
from .base import OUT_FOLDER, Command, EngineCalculation, flags, known_keys
from .sscha import START_FOLDER


class HessianCalculation(EngineCalculation):
    """Free-energy Hessian of a converged SSCHA state: phonons and dynamical stability."""

    COMMAND = "hessian"
    PARSER = "anhcsp.hessian"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("dynamical_matrices", valid_type=DynamicalMatricesData, help="The converged SSCHA state.")
        cls.define_potential(spec)
        cls.define_processes(spec)
        spec.input(
            "settings",
            valid_type=Dict,
            validator=known_keys(
                "settings", "configurations", "seed", "path", "v4", "resamples", required=("configurations", "seed")
            ),
            help="configurations (size of the ensemble), seed, path (auto, or points such as GXMG) for dispersions, "
            "v4 (with the fourth-order term), resamples (bootstrap, for the certainty of the verdict).",
        )
        spec.output(
            "result",
            valid_type=Dict,
            help="frequencies_gamma (cm^-1, negative = imaginary), dynamically_stable, stability (stable, unstable or "
            "undecided within the noise) and, with a path, dispersions.",
        )
        spec.output(
            "hessian",
            valid_type=DynamicalMatricesData,
            required=False,
            help="The Hessian's matrices with the centroids; to be looked at, not to start SSCHA from.",
        )

    def command(self, folder: Folder) -> Command:
        """``hessian start out --potential SPEC --configurations N --seed N [--path PATH]``."""
        potential, copies = self.potential_arguments(folder)
        self.inputs.dynamical_matrices.write_to(Path(folder.abspath) / START_FOLDER)
        arguments = [START_FOLDER, OUT_FOLDER, *potential, *flags(self.inputs.settings.get_dict())]
        names = ("result.json", STRUCTURE_FILE)
        retrieve: list[str | tuple[str, str, int]] = [(f"{OUT_FOLDER}/{name}", ".", 2) for name in names]
        return Command(arguments, copies, [*retrieve, (f"{OUT_FOLDER}/{MATRICES_FOLDER}/*", ".", 3)])
