"""What the graph says of a search."""

from __future__ import annotations

from aiida.orm import WorkChainNode

from aiida_anhcsp.report.searches import operators_of, searches_of


def test_a_search_is_among_its_own_searches(search: WorkChainNode) -> None:
    assert [node.pk for node in searches_of(search)] == [search.pk]


def test_operators_count_what_they_made_and_what_survived(whole: WorkChainNode) -> None:
    (learned,) = searches_of(whole)
    bred, random = operators_of(learned)
    assert bred == {"operator": "heredity", "made": 1, "relaxed": 1, "survived": 0, "lowest": None}
    assert random == {"operator": "random", "made": 2, "relaxed": 1, "survived": 4, "lowest": 1}
