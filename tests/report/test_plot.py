"""The plot of a search."""

from __future__ import annotations

from pathlib import Path

from aiida.orm import WorkChainNode
from matplotlib.image import imread

from aiida_anhcsp.report.plot import enthalpies_of, plot_search, searches_of


def test_enthalpies_are_those_of_the_relaxed_structures(search: WorkChainNode) -> None:
    assert enthalpies_of(search) == {0: [0.1, 0.2]}


def test_a_search_is_among_its_own_searches(search: WorkChainNode) -> None:
    assert [node.pk for node in searches_of(search)] == [search.pk]


def test_plot_is_a_picture(search: WorkChainNode, tmp_path: Path) -> None:
    picture = imread(plot_search(search, tmp_path / "plot.png"))
    assert picture.std() > 0
