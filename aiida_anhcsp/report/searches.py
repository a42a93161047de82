"""The searches of a run, read from its graph: settings, generations, what each operator made."""

from __future__ import annotations

from collections import Counter
from typing import Any

from aiida.orm import Data, ProcessNode, WorkChainNode
from ase import Atoms

from ..data.population import PopulationData
from ..engine.search.rank import is_relaxed
from ..engine.search.settings import HULL_DISTANCE, SearchSettings
from .processes import work_chains_of
from .progress import STEP


def searches_of(node: ProcessNode) -> list[WorkChainNode]:
    """The searches of a run, itself included."""
    return work_chains_of(node, "anhcsp.search")


def settings_of(search: ProcessNode) -> SearchSettings:
    """The settings of a search with their defaults; a fitness function of the user's need not be installed here."""
    return SearchSettings.model_validate(search.inputs.settings.get_dict())


def system_of(search: ProcessNode) -> str:
    """Formula, or elements, and pressure of a search."""
    settings = settings_of(search)
    return f"{settings.system}, {settings.pressure:g} GPa"


def title_of(search: ProcessNode) -> str:
    """Formula, or elements, and pressure of a search, and its place in the run."""
    name = system_of(search)
    return f"{name} ({search.label})" if search.caller is not None and search.label else name


def children_by_generation(search: ProcessNode, step: str) -> dict[int, ProcessNode]:
    """Children of a search for a step such as ``relax``, by generation."""
    found = {}
    for child in search.called:
        match = STEP.fullmatch(child.label or "")
        if match is not None and match.group(2) == step:
            found[int(match.group(1))] = child
    return dict(sorted(found.items()))


def relaxed_by_generation(search: ProcessNode, step: str = "relax") -> dict[int, list[Atoms]]:
    """Structures that each generation brought, failed ones included; with ``symmetrised``, the copies at the end."""
    return {
        generation: child.outputs.population.get_frames()
        for generation, child in children_by_generation(search, step).items()
        if "population" in child.outputs
    }


def population_so_far(search: ProcessNode) -> Data | None:
    """The population that a search, or another run, has handed out, or what competes so far; None before the first."""
    if "population" in search.outputs:
        population: Data = search.outputs.population
        return population
    ranked = {**children_by_generation(search, "rank"), **children_by_generation(search, "rank_again")}
    found = [child.outputs.result for _, child in sorted(ranked.items()) if "result" in child.outputs]
    return found[-1] if found else None


def above_hull(search: ProcessNode) -> dict[str, float]:
    """Distances above the hull (meV/atom) by id of what competes at the end; none where another fitness ranks."""
    if settings_of(search).ranked_by != HULL_DISTANCE or "population" not in search.outputs:
        return {}
    frames = search.outputs.population.get_frames()
    return {str(frame.info["id"]): 1000 * float(frame.info["fitness"]) for frame in frames if "fitness" in frame.info}


def operators_of(search: ProcessNode) -> list[dict[str, Any]]:
    """What each operator ``made``, how much of it ``relaxed`` and ``survived`` as distinct, and its ``lowest`` rank."""
    made: Counter[str] = Counter()
    relaxed: Counter[str] = Counter()
    for frames in relaxed_by_generation(search).values():
        for frame in frames:
            operator = frame.info.get("operator", "unknown")
            made[operator] += 1
            relaxed[operator] += is_relaxed(frame)
    ranked: dict[str, list[int]] = {}
    population = population_so_far(search)
    for frame in population.get_frames() if isinstance(population, PopulationData) else []:
        if "rank" in frame.info:
            ranked.setdefault(frame.info.get("operator", "unknown"), []).append(int(frame.info["rank"]))
    return [
        {
            "operator": operator,
            "made": made[operator],
            "relaxed": relaxed[operator],
            "survived": len(ranked.get(operator, [])),
            "lowest": min(ranked.get(operator, []), default=None),
        }
        for operator in sorted(made)
    ]
