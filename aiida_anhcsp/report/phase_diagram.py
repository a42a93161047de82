"""Table and figures of a phase diagram."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from tabulate import tabulate

from .panel import Panel, Series

Document = Mapping[str, Any]


def transition_table(document: Document) -> str:
    """The transitions, classical beside quantum, and which phases merged into which."""
    rows = [
        [*_where(found), f"{found['lower']} -> {found['upper']}", f"{found['pressure']:.1f} +- {found['error']:.1f}"]
        for found in document["transitions"]
    ]
    rows += [
        [*_where(found), f"{found['phase']} merges into {found['into']}", f"between {low:g} and {high:g}"]
        for found in document["mergings"]
        for low, high in [sorted((found["separate"], found["merged"]))]
    ]
    text = (
        tabulate(rows, ["ions", "T (K)", "transition", "P (GPa)"], disable_numparse=True) if rows else "no transition"
    )
    merged = [
        f"{row['id']} has become {row['merged_into']} at {row['pressure']:g} GPa, {row['temperature']:g} K"
        for row in document["rows"]
        if "merged_into" in row
    ]
    return "\n".join([text, *merged])


def _where(found: Document) -> list[str]:
    """Ions and temperature of a transition or a merging."""
    return [found["kind"], f"{found['temperature']:g}" if "temperature" in found else ""]


def diagram_panels(document: Document) -> list[Panel]:
    """Enthalpies, and free energies at each temperature, relative to the first phase, against pressure."""
    rows = document["rows"]
    temperatures = sorted({row["temperature"] for row in rows})
    first = [row for row in rows if row["temperature"] == temperatures[0]]
    panels = [_panel("diagram_classical", "classical ions, 0 K", first, "enthalpy", document, None)]
    for temperature in temperatures:
        here = [row for row in rows if row["temperature"] == temperature and row["converged"]]
        key, title = f"diagram_{temperature:g}K".replace(".", "_"), f"quantum ions, {temperature:g} K"
        panels.append(_panel(key, title, here, "gibbs_free_energy", document, temperature))
    return panels


def plot_phase_diagram(document: Document, path: Path) -> Path:
    """The panels of a phase diagram side by side in one picture."""
    panels = diagram_panels(document)
    figure = Figure(figsize=(4.2 * len(panels), 4.0), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False, sharey=True)[0], panels, strict=True):
        panel.draw(axes)
        axes.set_title(panel.title)
    figure.savefig(path, dpi=150)
    return path


def _panel(
    key: str, title: str, rows: list[dict[str, Any]], value: str, document: Document, temperature: float | None
) -> Panel:
    names = sorted({row["id"] for row in rows})
    zero = {row["pressure"]: row[value] for row in rows if row["id"] == names[0]}
    series = []
    for color, name in enumerate(names):
        mine = sorted(
            (row for row in rows if row["id"] == name and row["pressure"] in zero), key=lambda row: row["pressure"]
        )
        series.append(
            Series(
                name,
                [row["pressure"] for row in mine],
                [1000 * (row[value] - zero[row["pressure"]]) for row in mine],
                "both",
                errors=[1000 * row.get(f"{value}_error", 0.0) for row in mine],
                color=color,
            )
        )
    heights = [height for each in series for height in each.y if height is not None]
    for found in document["transitions"]:
        if found.get("temperature") == temperature:
            at = f"{found['lower']} -> {found['upper']} at {found['pressure']:.1f} +- {found['error']:.1f} GPa"
            ends = [min(heights), max(heights)]
            series.append(Series(at, [found["pressure"]] * 2, ends, "line", color=6, dashed=True))
    return Panel(key, title, "pressure (GPa)", "relative to the first phase (meV/atom)", series)
