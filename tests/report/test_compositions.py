"""A search over compositions in ranking, page and export."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiida.orm import WorkChainNode
from click.testing import CliRunner

from aiida_anhcsp.cli.main import command
from aiida_anhcsp.report.figures.search import history_panel
from aiida_anhcsp.report.page import write_page
from aiida_anhcsp.report.ranking import ranking_rows, ranking_table
from aiida_anhcsp.report.searches import title_of

from .page.test_write import own_part


def test_the_title_names_the_elements_and_the_default_pressure(compositions: WorkChainNode) -> None:
    assert title_of(compositions) == "Cu-Au, 0 GPa"


def test_rows_say_how_far_above_the_hull_a_structure_is(compositions: WorkChainNode) -> None:
    rows = ranking_rows(compositions)
    above = {row["id"]: row["above_hull"] for row in rows}
    assert above == pytest.approx({"g000-0000": 0.0, "g000-0001": 0.0, "g000-0002": 0.0, "g000-0003": 40.0})
    assert rows[-1]["id"] == "g000-0003"
    assert not any("relative_enthalpy" in row for row in rows)


def test_the_table_has_the_hull_instead_of_the_lowest_enthalpy(compositions: WorkChainNode) -> None:
    header, _, *lines = ranking_table(ranking_rows(compositions)).splitlines()
    assert "above hull (meV/atom)" in header
    assert "dH" not in header
    assert " 40.0 " in lines[-1]


def test_the_history_shows_the_distance_above_the_hull(compositions: WorkChainNode) -> None:
    panel = history_panel(compositions)
    lowest, points = panel.series
    assert panel.y_label == "above the hull (meV/atom)"
    assert list(points.y) == pytest.approx([0.0, 0.0, 0.0, 40.0])
    assert list(lowest.y) == pytest.approx([0.0])


def test_the_page_has_the_hull_as_well(compositions: WorkChainNode, tmp_path: Path) -> None:
    text = own_part(write_page(compositions, tmp_path / "page.html").read_text())
    for words in ("By distance above the convex hull", "above hull", "above the hull (meV/atom)", ">40.0<"):
        assert words in text
    assert "ΔH" not in text


def test_a_search_over_compositions_is_exported(compositions: WorkChainNode, tmp_path: Path) -> None:
    for node in (*compositions.called, compositions):
        node.seal()
    result = CliRunner().invoke(command, ["export", str(compositions.pk), str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "ranking.csv").read_text().splitlines()[0].endswith("above_hull")
    assert len(list((tmp_path / "structures").iterdir())) == 4


def test_an_export_overwrites_nothing_unless_told_to(compositions: WorkChainNode, tmp_path: Path) -> None:
    for node in (*compositions.called, compositions):
        node.seal()
    (tmp_path / "ranking.csv").write_text("mine")
    words = ["export", str(compositions.pk), str(tmp_path)]
    refused = CliRunner().invoke(command, words)
    assert refused.exit_code == 2
    assert refused.output.strip() == f"Error: FOLDER: {tmp_path} exists and is not empty; give another name, or --force"
    assert (tmp_path / "ranking.csv").read_text() == "mine"
    assert CliRunner().invoke(command, [*words, "--force"]).exit_code == 0
    assert (tmp_path / "ranking.csv").read_text() != "mine"
