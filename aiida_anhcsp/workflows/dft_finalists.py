"""DFT relaxation of the lowest structures: the last stage of a search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.engine import ProcessSpec, WorkChain
from aiida.orm import Dict, Float, ProcessNode, Str, to_aiida_type
from aiida.plugins import WorkflowFactory

from ..calculations.functions.hull import lowest_with_elements
from ..calculations.functions.population import lowest_of, rank_population
from ..data.population import PopulationData
from ..engine.search.settings import SearchSettings
from .names import has_structures
from .ports import parsed_by, plain, validate_entry_point, validate_label_inputs
from .settings import DftRelaxSettings
from .submission import call_once, failure, find_child, submit_once

PREFIX = "anhcsp.dft_relax."
GIVEN = ("population", "pressure")


def validate_engine(value: Str | None, _: Any) -> str | None:
    """An entry point that is no DFT relaxation."""
    return validate_entry_point(value, "dft_relax.engine", PREFIX, "does not relax by DFT")


def validate_dft_relax(value: Mapping[str, Any] | None, _: Any) -> str | None:
    """Inputs that the DFT relaxation would refuse, before anything is submitted."""
    if not value or "engine" not in value:
        return None
    return validate_label_inputs(value["engine"], value.get("inputs", {}), "dft_relax.inputs", GIVEN)


def define_dft_relax(spec: ProcessSpec) -> None:
    """Add the namespace ``dft_relax`` and the exit code 405."""
    spec.input_namespace(
        "dft_relax",
        required=False,
        populate_defaults=False,
        validator=validate_dft_relax,
        help="DFT relaxation of the lowest structures at the end; none if left out.",
    )
    spec.input(
        "dft_relax.settings",
        valid_type=Dict,
        validator=parsed_by(DftRelaxSettings.parse, "dft_relax.settings"),
        help="number of lowest distinct structures; over compositions the lowest of each element follow them, "
        "and after a search that learned the phases of the hull of its labels.",
    )
    spec.input(
        "dft_relax.engine",
        valid_type=Str,
        serializer=to_aiida_type,
        validator=validate_engine,
        help="Entry point of the work chain that relaxes: anhcsp.dft_relax.gpaw or anhcsp.dft_relax.vasp.",
    )
    spec.input_namespace(
        "dft_relax.inputs",
        dynamic=True,
        help="Inputs of that work chain, without population and pressure: code, settings, ...",
    )
    spec.exit_code(405, "ERROR_SUB_PROCESS_FAILED_DFT_RELAX", message="No structure could be relaxed by DFT: {reason}")


class DftRelaxSteps(WorkChain):
    """The lowest structures of ranked populations, relaxed by DFT and ranked again by its enthalpies."""

    def relaxes_by_dft(self) -> bool:
        """Whether that is asked for."""
        return "dft_relax" in self.inputs

    def submit_dft_relaxation(
        self,
        suffix: str,
        ranked: PopulationData,
        pressure: float,
        settings: SearchSettings,
        labels: PopulationData | None = None,
    ) -> ProcessNode | None:
        """Submit the DFT relaxation of the lowest structures; None where nothing is ranked.

        :param suffix: of the call link labels, with an underscore at the beginning, where there are several
        :param pressure: GPa
        :param labels: the phases of their hull are relaxed too
        """
        if not any("rank" in frame.info for frame in ranked.get_frames()):
            return None
        number = DftRelaxSettings.parse(self.inputs.dft_relax.settings.get_dict()).number
        function, chosen = lowest_of, {"population": ranked, "settings": Dict({"number": number})}
        if settings.variable:
            function, chosen["settings"] = lowest_with_elements, Dict({"number": number, "pressure": pressure})
            chosen |= {} if labels is None else {"labels": labels}
        inputs = {
            **plain(self.inputs.dft_relax.get("inputs", {})),
            "population": call_once(self, f"dft_lowest{suffix}", function, **chosen),
            "pressure": Float(pressure),
        }
        return submit_once(self, f"dft_relax{suffix}", WorkflowFactory(self.inputs.dft_relax.engine.value), inputs)

    def ranked_by_dft(self, suffix: str, settings: Mapping[str, Any]) -> PopulationData | None:
        """What DFT has relaxed, ranked by enthalpy or hull distance; None where that came to nothing.

        :param settings: the keys of SEARCH.yaml
        """
        node = find_child(self, f"dft_relax{suffix}")
        if node is None:
            return None
        if not node.is_finished_ok:
            self.report(f"relaxation by DFT: {failure(node)}")
        if not has_structures(node):
            return None
        keys = Dict({key: value for key, value in settings.items() if key != "fitness"})
        ranked: PopulationData = call_once(
            self, f"dft_rank{suffix}", rank_population, population=node.outputs.population, settings=keys
        )
        return ranked
