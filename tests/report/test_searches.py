"""What the graph says of a search."""

from __future__ import annotations

from aiida.orm import CalcFunctionNode, WorkChainNode

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.report.searches import operators_of, population_so_far, searches_of

from .conftest import call, generation


def test_a_search_is_among_its_own_searches(search: WorkChainNode) -> None:
    assert [node.pk for node in searches_of(search)] == [search.pk]


def test_operators_count_what_they_made_and_what_survived(whole: WorkChainNode) -> None:
    (learned,) = searches_of(whole)
    bred, random = operators_of(learned)
    assert bred == {"operator": "heredity", "made": 1, "relaxed": 1, "survived": 0, "lowest": None}
    assert random == {"operator": "random", "made": 2, "relaxed": 1, "survived": 4, "lowest": 1}


def test_a_search_at_work_has_what_was_ranked_last(search: WorkChainNode) -> None:
    assert population_so_far(search) is None
    for step, enthalpies in (("rank", [0.1]), ("rank_again", [0.2, 0.3])):
        call(search, CalcFunctionNode(), f"generation_000_{step}", {"result": generation(0, enthalpies)})
    population = population_so_far(search)
    assert isinstance(population, PopulationData) and len(population) == 2
