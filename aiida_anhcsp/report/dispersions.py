"""Phonon dispersions of a run's Hessians."""

from __future__ import annotations

from typing import Any

from aiida.orm import ProcessNode

from .panel import Panel, Series
from .progress import entry_point_of

KINDS = ("harmonic", "auxiliary", "hessian")


def dispersion_panels(node: ProcessNode) -> list[Panel]:
    """Harmonic, auxiliary and free-energy Hessian bands of each Hessian of the run that has a path."""
    panels = []
    for child in sorted([node, *node.called_descendants], key=lambda child: child.pk):
        if entry_point_of(child) != "anhcsp.hessian" or "result" not in child.outputs:
            continue
        bands = child.outputs.result.get_dict().get("dispersions")
        if bands:
            panels.append(_panel(f"dispersions_{child.pk}", f"Phonons: {child.label or 'hessian'} <{child.pk}>", bands))
    return panels


def _panel(key: str, title: str, bands: dict[str, Any]) -> Panel:
    ticks: dict[float, str] = {}
    for place, name in zip(bands["label_distances"], bands["labels"], strict=True):
        name = "Γ" if name == "GAMMA" else name
        ticks[place] = f"{ticks[place]}|{name}" if place in ticks and ticks[place] != name else name
    series = []
    for color, kind in enumerate(name for name in KINDS if name in bands):
        for number, frequencies in enumerate(zip(*bands[kind], strict=True)):
            series.append(
                Series(
                    kind,
                    bands["distances"],
                    list(frequencies),
                    "line",
                    texts=[f"{kind}<br>{frequency:.1f} cm⁻¹" for frequency in frequencies],
                    color=color,
                    dashed=kind == "harmonic",
                    legend=number == 0,
                )
            )
    return Panel(key, title, "", "frequency (cm⁻¹)", series, "Negative frequencies are imaginary.", ticks=ticks)
