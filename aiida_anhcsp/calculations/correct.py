"""``anhcsp-engine correct`` as a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aiida.common.folders import Folder
from aiida.engine import CalcJobProcessSpec
from aiida.orm import Dict

from ..data.dynamical_matrices import DynamicalMatricesData
from ..data.population import PopulationData
from .base import Command, EngineCalculation, flags, known_keys

SSCHA_FOLDER = "sscha"
LABELS_FILE = "labels.extxyz"
CORRECTION_FILE = "correction.json"
_known = known_keys("settings", "order", "pressure", "reminimise")


class CorrectCalculation(EngineCalculation):
    """Correction of an audited SSCHA free energy to the reference that labelled some of its audit's configurations."""

    COMMAND = "correct"
    PARSER = "anhcsp.correct"

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("result", valid_type=Dict, help="Result of the audit.")
        spec.input("dynamical_matrices", valid_type=DynamicalMatricesData, help="The state that was audited.")
        spec.input("audit", valid_type=PopulationData, help="The audit's configurations with the model's labels.")
        spec.input("labels", valid_type=PopulationData, help="Some of them with the reference's labels.")
        spec.input(
            "settings",
            valid_type=Dict,
            validator=_settings,
            help="order (default 1), pressure (GPa; the target where it is not the one the model was relaxed at), "
            "reminimise (minimise again on the labels' forces; default False).",
        )
        spec.output(
            "result",
            valid_type=Dict,
            help="free_energy (eV per primitive cell), gibbs_free_energy (eV/atom) and pressure (GPa) of the "
            "reference, the corrections, all with errors; with reminimise those at the reference's minimum.",
        )

    def command(self, folder: Folder) -> Command:
        """``correct sscha labels.extxyz correction.json [--order 2] [--pressure P] [--reminimise]``."""
        target = Path(folder.abspath) / SSCHA_FOLDER
        self.inputs.dynamical_matrices.write_to(target)
        (target / "result.json").write_text(json.dumps(self.inputs.result.get_dict(), sort_keys=True))
        copies = [self.population_copy("audit", f"{SSCHA_FOLDER}/audit.extxyz")]
        copies.append(self.population_copy("labels", LABELS_FILE))
        arguments = [SSCHA_FOLDER, LABELS_FILE, CORRECTION_FILE, *flags(self.inputs.settings.get_dict())]
        return Command(arguments, copies, [CORRECTION_FILE])


def _settings(value: Dict, context: Any) -> str | None:
    problem = _known(value, context)
    order = value.get_dict().get("order", 1)
    return problem or (None if order in (1, 2) else f"settings: order {order!r} is unknown; give 1 or 2")
