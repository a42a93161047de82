"""Figures of a search."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiida.orm import WorkChainNode
from matplotlib.image import imread

from aiida_anhcsp.report.figures.panel import side_by_side
from aiida_anhcsp.report.figures.search import error_panels, history_panel, parity_panels
from aiida_anhcsp.report.searches import children_by_generation, searches_of


def test_enthalpies_are_those_of_the_relaxed_structures(search: WorkChainNode) -> None:
    lowest, points = history_panel(search).series
    assert (list(points.x), list(points.y)) == ([0, 0], [0.1, 0.2])
    assert list(lowest.y) == [0.1]
    assert "g000-0001" in points.texts[1]


def test_errors_are_shown_before_and_after_each_round(whole: WorkChainNode) -> None:
    (learned,) = searches_of(whole)
    panels = error_panels(learned)
    assert [panel.y_label for panel in panels] == ["RMSE (meV/atom)", "RMSE (meV/angstrom)", "RMSE (GPa)"]
    before, after = panels[0].series
    assert before.y[0] == pytest.approx(3 * after.y[0])


def test_a_search_without_learning_has_no_errors(search: WorkChainNode) -> None:
    assert error_panels(search) == []


def test_parity_has_both_models_against_the_labels(whole: WorkChainNode) -> None:
    (learned,) = searches_of(whole)
    panels = parity_panels(children_by_generation(learned, "finetune")[0], "parity")
    assert [panel.y_label for panel in panels] == ["potential (eV/atom)", "potential (eV/angstrom)"]
    assert {series.name for series in panels[1].series} == {"perfect", "before", "after"}


def test_figures_side_by_side_are_a_picture(search: WorkChainNode, tmp_path: Path) -> None:
    picture = imread(side_by_side([history_panel(search)], tmp_path / "plot.png", "title"))
    assert picture.std() > 0
