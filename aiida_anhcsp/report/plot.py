"""Figures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.orm import ProcessNode
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .progress import STEP, entry_point_of


def searches_of(node: ProcessNode) -> list[ProcessNode]:
    """The searches of a run, itself included."""
    nodes = [node, *node.called_descendants]
    return sorted((n for n in nodes if entry_point_of(n) == "anhcsp.search"), key=lambda n: n.pk)


def enthalpies_of(search: ProcessNode) -> dict[int, list[float]]:
    """Enthalpies in eV/atom of the structures relaxed in each generation, with the potential of that generation."""
    enthalpies = {}
    for child in search.called:
        match = STEP.fullmatch(child.label or "")
        if match is not None and match.group(2) == "relax" and "population" in child.outputs:
            frames = child.outputs.population.get_frames()
            enthalpies[int(match.group(1))] = [f.info["enthalpy"] for f in frames if "enthalpy" in f.info]
    return dict(sorted(enthalpies.items()))


def plot_search(search: ProcessNode, path: Path) -> Path:
    """Plot the enthalpies by generation and, where it learned, the RMSE on new labels before and after."""
    rows: list[dict[str, Any]] = search.outputs.history["generations"] if "history" in search.outputs else []
    learned = [row for row in rows if "rmse_before" in row and "rmse_after" in row]
    figure = Figure(figsize=(9.0 if learned else 5.0, 4.0), layout="constrained")
    axes = figure.subplots(1, 2 if learned else 1, squeeze=False)[0]
    settings = search.inputs.settings.get_dict()
    figure.suptitle(f"{settings['formula']}, {settings['pressure']:g} GPa")
    _plot_enthalpies(axes[0], enthalpies_of(search))
    if learned:
        _plot_errors(axes[1], learned)
    figure.savefig(path, dpi=150)
    return path


def _plot_enthalpies(axes: Axes, enthalpies: dict[int, list[float]]) -> None:
    for generation, values in enthalpies.items():
        axes.plot([generation] * len(values), values, "o", color="tab:blue", alpha=0.4, markersize=5)
    found = {generation: min(values) for generation, values in enthalpies.items() if values}
    axes.plot(list(found), list(found.values()), "-", color="tab:red", label="lowest of the generation")
    axes.set_xlabel("generation")
    axes.set_ylabel("enthalpy (eV/atom)")
    axes.set_xticks(list(enthalpies))
    axes.legend(frameon=False)


def _plot_errors(axes: Axes, rows: list[dict[str, Any]]) -> None:
    generations = [row["generation"] for row in rows]
    for when, style in (("before", "--o"), ("after", "-o")):
        for key, color, unit in (("energy", "tab:orange", "meV/atom"), ("force", "tab:green", "meV/A")):
            values = [row[f"rmse_{when}"][key] for row in rows]
            axes.plot(generations, values, style, color=color, label=f"{key} ({unit}), {when}")
    axes.set_xlabel("generation")
    axes.set_ylabel("RMSE on the new labels")
    axes.set_yscale("log")
    axes.set_xticks(generations)
    axes.legend(frameon=False, fontsize="small")
