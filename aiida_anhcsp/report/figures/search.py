"""Figures of a search: enthalpies by generation, errors of the potential."""

from __future__ import annotations

from aiida.orm import ProcessNode
from ase import Atoms

from ...engine.search.rank import is_relaxed
from ..searches import above_hull, relaxed_by_generation, title_of
from .panel import Panel, Series

QUANTITIES = {"energy": "meV/atom", "force": "meV/angstrom", "stress": "GPa"}
UNITS = {"energy": "eV/atom", "force": "eV/angstrom", "stress": "GPa"}
NUMBERS = {"energy": "structures", "force": "force components", "stress": "stress components"}


def history_panel(search: ProcessNode, key: str = "enthalpy") -> Panel:
    """Enthalpies of what each generation brought, with the potential of that generation.

    Of an ended search over compositions, whose enthalpies do not compare, the distances above its hull.
    """
    heights = above_hull(search)
    x: list[float] = []
    y: list[float] = []
    texts: list[str] = []
    lowest: dict[int, float] = {}
    for generation, frames in relaxed_by_generation(search).items():
        for frame in filter(is_relaxed, frames):
            if heights and frame.info["id"] not in heights:
                continue
            x.append(generation)
            y.append(heights[frame.info["id"]] if heights else float(frame.info["enthalpy"]))
            texts.append(describe(frame))
            lowest[generation] = min(y[-1], lowest.get(generation, float("inf")))
    return Panel(
        key,
        f"{'Distance above the hull' if heights else 'Enthalpy'} by generation: {title_of(search)}",
        "generation",
        "above the hull (meV/atom)" if heights else "enthalpy (eV/atom)",
        [
            Series("lowest of the generation", list(lowest), list(lowest.values()), "line", color=1),
            Series("relaxed structure", x, y, texts=texts),
        ],
        "What competes at the end, with the final potential."
        if heights
        else "Each generation with the potential of its time; the final ranking has one potential for all.",
        ticks={float(generation): str(generation) for generation in lowest},
    )


def error_panels(search: ProcessNode, key: str = "errors") -> list[Panel]:
    """Root mean square errors on the new labels of each round, before and after learning from them."""
    rows = search.outputs.history["generations"] if "history" in search.outputs else []
    learned = [row for row in rows if "rmse_before" in row and "rmse_after" in row]
    panels = []
    for quantity, unit in QUANTITIES.items():
        rounds = [row for row in learned if quantity in row["rmse_before"] and quantity in row["rmse_after"]]
        if not rounds:
            continue
        x = [float(row["generation"]) for row in rounds]
        panels.append(
            Panel(
                f"{key}_{quantity}",
                f"RMSE of the {quantity} on new labels: {title_of(search)}",
                "generation",
                f"RMSE ({unit})",
                [
                    Series(
                        when,
                        x,
                        [row[f"rmse_{when}"][quantity] for row in rounds],
                        "both",
                        color=color,
                        dashed=when == "before",
                    )
                    for when, color in (("before", 1), ("after", 0))
                ],
                "Before: labels the potential had not seen. After: the same labels, learned from.",
                log=True,
                ticks={generation: f"{generation:g}" for generation in x},
            )
        )
    return panels


def parity_panels(training: ProcessNode, key: str) -> list[Panel]:
    """Energies, forces and stresses of a potential against the labels of its training, where it reported them."""
    parity = training.outputs.metrics.get_dict().get("parity", {}) if "metrics" in training.outputs else {}
    panels = []
    for quantity, points in parity.items():
        labels, unit = points["label"], UNITS[quantity]
        ends = [min(labels), max(labels)]
        series = [
            Series(when, labels, points[when], color=color)
            for when, color in (("before", 1), ("after", 0))
            if when in points
        ]
        panels.append(
            Panel(
                f"{key}_{quantity}",
                f"{quantity.capitalize()} against labels: {training.label or training.process_label} <{training.pk}>",
                f"label ({unit})",
                f"potential ({unit})",
                [Series("perfect", ends, ends, "line", color=6), *series],
                f"{len(labels)} {NUMBERS[quantity]} of one training, old structures replayed included.",
            )
        )
    return panels


def describe(frame: Atoms) -> str:
    """A structure of a population, to be read where the pointer is."""
    parts = [str(frame.info.get("id", "")), frame.get_chemical_formula(), str(frame.info.get("spacegroup", ""))]
    if "enthalpy" in frame.info:
        parts.append(f"{frame.info['enthalpy']:.4f} eV/atom")
    parts.append(f"made by {frame.info['operator']}" if "operator" in frame.info else "")
    return "<br>".join(part for part in parts if part)
