"""One figure, drawn for the page and for paper."""

from __future__ import annotations

from pathlib import Path

from aiida_anhcsp.report.figures.panel import Panel, Series

PANEL = Panel(
    "example",
    "Example",
    "x",
    "y (eV)",
    [
        Series("points", [0, 1], [1.0, None], texts=["first", "second"], errors=[0.1, 0.0]),
        Series("line", [0, 1], [1, 10], "line", dashed=True, color=1),
    ],
    log=True,
    ticks={0.0: "zero"},
)


def test_page_figure_has_the_numbers_and_what_the_pointer_shows() -> None:
    figure = PANEL.plotly().to_plotly_json()
    points, line = figure["data"]
    assert points["y"] == [1.0, None]
    assert points["text"] == ["first", "second"]
    assert line["line"]["dash"] == "dash"
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert figure["layout"]["xaxis"]["ticktext"] == ["zero"]


def test_paper_figures_are_written_the_same_twice(tmp_path: Path) -> None:
    svg, pdf = PANEL.save(tmp_path / "first")
    assert "<svg" in svg.read_text()
    assert pdf.read_bytes().startswith(b"%PDF")
    for first, second in zip((svg, pdf), PANEL.save(tmp_path / "second"), strict=True):
        assert second.read_bytes() == first.read_bytes()
