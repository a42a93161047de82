"""The figures of a search side by side in one picture."""

from __future__ import annotations

from pathlib import Path

from aiida.orm import ProcessNode
from matplotlib.figure import Figure

from .panel import SIZE
from .searching import error_panels, history_panel, title_of


def plot_search(search: ProcessNode, path: Path) -> Path:
    """Plot the enthalpies by generation and, where it learned, the RMSE on new labels before and after."""
    panels = [history_panel(search), *error_panels(search)]
    figure = Figure(figsize=(SIZE[0] * len(panels), SIZE[1]), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        panel.draw(axes)
    figure.suptitle(title_of(search))
    figure.savefig(path, dpi=150)
    return path
