"""Table and figure of a phase diagram."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tabulate import tabulate

Document = Mapping[str, Any]


def transition_table(document: Document) -> str:
    """The transitions, classical beside quantum, and which phases merged into which."""
    rows = [
        [
            found["kind"],
            f"{found['temperature']:g}" if "temperature" in found else "",
            f"{found['lower']} -> {found['upper']}",
            f"{found['pressure']:.1f} +- {found['error']:.1f}",
        ]
        for found in document["transitions"]
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


def plot_phase_diagram(document: Document, path: Path) -> Path:
    """Enthalpies, and free energies at each temperature, relative to the first phase, against pressure."""
    rows = document["rows"]
    temperatures = sorted({row["temperature"] for row in rows})
    figure = Figure(figsize=(4.2 * (1 + len(temperatures)), 4.0), layout="constrained")
    axes = figure.subplots(1, 1 + len(temperatures), squeeze=False, sharey=True)[0]
    first = [row for row in rows if row["temperature"] == temperatures[0]]
    _plot(axes[0], first, "enthalpy", "classical ions, 0 K")
    for place, temperature in zip(axes[1:], temperatures, strict=True):
        here = [row for row in rows if row["temperature"] == temperature and row["converged"]]
        _plot(place, here, "gibbs_free_energy", f"quantum ions, {temperature:g} K")
    axes[0].set_ylabel("relative to the first phase (meV/atom)")
    axes[0].legend(frameon=False)
    for place in axes:
        for found in document["transitions"]:
            title = f"quantum ions, {found['temperature']:g} K" if "temperature" in found else "classical ions, 0 K"
            if place.get_title() == title:
                width = max(found["error"], 1e-3)
                place.axvspan(found["pressure"] - width, found["pressure"] + width, color="grey", alpha=0.4)
    figure.savefig(path, dpi=150)
    return path


def _plot(axes: Axes, rows: list[dict[str, Any]], key: str, title: str) -> None:
    names = sorted({row["id"] for row in rows})
    zero = {row["pressure"]: row[key] for row in rows if names and row["id"] == names[0]}
    for name in names:
        mine = sorted(
            (row for row in rows if row["id"] == name and row["pressure"] in zero), key=lambda row: row["pressure"]
        )
        values = [1000 * (row[key] - zero[row["pressure"]]) for row in mine]
        errors = [1000 * row.get(f"{key}_error", 0.0) for row in mine]
        axes.errorbar([row["pressure"] for row in mine], values, errors, marker="o", capsize=2, label=name)
    axes.set_title(title)
    axes.set_xlabel("pressure (GPa)")
