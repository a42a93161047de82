"""Figures of a phase diagram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .panel import Panel, Series

Document = Mapping[str, Any]


def diagram_panels(document: Document) -> list[Panel]:
    """Enthalpies, and free energies at each temperature, relative to the first phase, against pressure."""
    rows = document["rows"]
    temperatures = sorted({row["temperature"] for row in rows})
    first = [row for row in rows if row["temperature"] == temperatures[0]]
    panels = [_panel("diagram_classical", "Classical ions, 0 K", first, "enthalpy", document, None)]
    for temperature in temperatures:
        here = [row for row in rows if row["temperature"] == temperature and row["converged"]]
        key, title = f"diagram_{temperature:g}K".replace(".", "_"), f"Quantum ions, {temperature:g} K"
        panels.append(_panel(key, title, here, "gibbs_free_energy", document, temperature))
    return panels


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
