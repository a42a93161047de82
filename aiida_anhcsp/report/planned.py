"""How many SSCHA runs a run has planned so far, read from its graph."""

from __future__ import annotations

from typing import Any

from aiida.orm import ProcessNode

from ..data.population import PopulationData
from ..engine.search.rank import RELAXED
from ..engine.search.settings import SearchSettings
from ..workflows.csp import settings_of_finalists
from ..workflows.finalists import finalists_among
from ..workflows.settings import FinalistSettings, PhaseDiagramSettings
from .processes import entry_point_of


def planned_sscha(node: ProcessNode) -> int:
    """SSCHA runs that a work chain has planned: those of its finalists, its generations, or its grid."""
    match entry_point_of(node):
        case "anhcsp.csp":
            return sum(_finalists(node, ranked) for ranked in _handed_out(node, "rank_p", "result"))
        case "anhcsp.search":
            plans = [plan["choice"] for plan in _handed_out(node, "generation_", "result", "_plan_sscha")]
            return sum(list(choice.values()).count(None) for choice in plans)
        case "anhcsp.phase_diagram":
            temperatures = PhaseDiagramSettings.parse(node.inputs.settings.get_dict()).temperatures
            return len(temperatures) * sum(map(relaxed_in, _handed_out(node, "relax_p", "population")))
    return 0


def _handed_out(node: ProcessNode, first: str, output: str, last: str = "") -> list[Any]:
    """This output of the children whose labels begin and end so, where they have it."""
    children = [child for child in node.called if (child.label or "").startswith(first) and child.label.endswith(last)]
    return [child.outputs[output] for child in children if output in child.outputs]


def relaxed_in(population: PopulationData) -> int:
    """Number of structures of a population that came out of their relaxation with an enthalpy."""
    statuses: dict[str, int] = population.base.attributes.get("statuses", {})
    return sum(statuses.get(status, 0) for status in RELAXED)


def _finalists(run: ProcessNode, ranked: PopulationData) -> int:
    settings = FinalistSettings.parse(run.inputs.sscha.settings.get_dict())
    variable = SearchSettings.model_validate(settings_of_finalists(run.inputs)).variable
    return len(settings.temperatures) * len(finalists_among(ranked.get_frames(), settings, variable))
