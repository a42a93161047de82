"""A figure as data, drawn for the page (plotly) and for paper (matplotlib) alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import plotly.graph_objects as go
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, which colour-blind readers tell apart."""
SIZE = (5.0, 3.8)
"""inches, one column of a paper"""
FORMATS = ("svg", "pdf")


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    ``texts`` say what a point is (shown where the pointer is on the page; a line without says nothing), ``errors`` are
    standard errors of ``y``.
    """

    name: str
    x: Sequence[float | str]
    y: Sequence[float | None]
    style: Literal["points", "line", "both"] = "points"
    texts: Sequence[str] = ()
    errors: Sequence[float] = ()
    color: int = 0
    dashed: bool = False
    legend: bool = True


@dataclass(frozen=True)
class Panel:
    """One figure: axes with their units and the series on them; ``note`` says how to read it."""

    key: str
    title: str
    x_label: str
    y_label: str
    series: list[Series]
    note: str = ""
    log: bool = False
    ticks: dict[float, str] = field(default_factory=dict)
    """Names of places on the x axis, instead of numbers."""

    def plotly(self) -> go.Figure:
        """The figure for the page."""
        figure = go.Figure([_trace(series) for series in self.series])
        ticks = {"tickvals": list(self.ticks), "ticktext": list(self.ticks.values())} if self.ticks else {}
        figure.update_layout(
            template="simple_white",
            margin={"l": 70, "r": 40, "t": 20, "b": 60},
            height=420,
            hovermode="closest",
            modebar={"orientation": "v"},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
            xaxis={"title": {"text": self.x_label}, **ticks},
            yaxis={"title": {"text": self.y_label}, "type": "log" if self.log else "linear"},
        )
        return figure

    def draw(self, axes: Axes) -> None:
        """The figure on matplotlib's axes."""
        for series in self.series:
            _plot(axes, series)
        axes.set_xlabel(self.x_label)
        axes.set_ylabel(self.y_label)
        if self.log:
            axes.set_yscale("log")
        if self.ticks:
            axes.set_xticks(list(self.ticks), list(self.ticks.values()))
        if any(series.legend for series in self.series):
            axes.legend(frameon=False, fontsize="small")

    def save(self, folder: Path) -> list[Path]:
        """Write the figure as SVG and PDF into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        figure = Figure(figsize=SIZE, layout="constrained")
        self.draw(figure.subplots())
        paths = [folder / f"{self.key}.{suffix}" for suffix in FORMATS]
        with rc_context({"svg.hashsalt": self.key}):  # the same figure is the same file
            for path in paths:
                figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {"CreationDate": None})
        return paths


def side_by_side(panels: Sequence[Panel], path: Path, title: str | None = None) -> Path:
    """Write figures into one picture, beside each other; those of one quantity share its axis.

    :param title: of all; without, each has its own
    """
    figure = Figure(figsize=(SIZE[0] * len(panels), SIZE[1]), layout="constrained")
    shared = len({panel.y_label for panel in panels}) == 1
    places = figure.subplots(1, len(panels), squeeze=False, sharey=shared)[0]
    for axes, panel in zip(places, panels, strict=True):
        panel.draw(axes)
        axes.set_title(panel.title if title is None else "")
    if title is not None:
        figure.suptitle(title)
    figure.savefig(path, dpi=150)
    return path


def _trace(series: Series) -> go.Scatter:
    color = COLORS[series.color % len(COLORS)]
    return go.Scatter(
        x=list(series.x),
        y=list(series.y),
        name=series.name,
        mode={"points": "markers", "line": "lines", "both": "lines+markers"}[series.style],
        marker={"color": color, "size": 9, "opacity": 0.75},
        line={"color": color, "dash": "dash" if series.dashed else "solid"},
        error_y={"type": "data", "array": list(series.errors)} if series.errors else None,
        text=list(series.texts) or None,
        hovertemplate="%{text}<extra></extra>" if series.texts else None,
        hoverinfo="skip" if series.style == "line" and not series.texts else None,
        showlegend=series.legend,
    )


def _plot(axes: Axes, series: Series) -> None:
    look: dict[str, Any] = {
        "color": COLORS[series.color % len(COLORS)],
        "linestyle": "none" if series.style == "points" else ("--" if series.dashed else "-"),
        "marker": "" if series.style == "line" else "o",
        "markersize": 5,
        "alpha": 0.75,
        "label": series.name if series.legend else None,
    }
    y = [float("nan") if value is None else value for value in series.y]
    if series.errors:
        axes.errorbar(series.x, y, yerr=series.errors, capsize=3, **look)
    else:
        axes.plot(series.x, y, **look)
