"""Phonon dispersions by the Hessians of a run."""

from __future__ import annotations

from typing import Any

from aiida.orm import ProcessNode

from ...workflows.hessian import describe
from ..hessians import hessians_of
from .panel import Panel, Series

KINDS = ("harmonic", "auxiliary", "hessian")


def dispersion_panels(node: ProcessNode) -> list[Panel]:
    """Harmonic, auxiliary and free-energy Hessian bands of each Hessian of the run that has a path."""
    panels = []
    for job in hessians_of(node):
        result = job.outputs.result.get_dict()
        if result.get("dispersions"):
            verdict = f" {describe(result).capitalize()}." if "lowest_frequency" in result else ""
            caption = f"Negative frequencies are imaginary.{verdict}"
            title = f"Phonons: {job.label or 'hessian'} <{job.pk}>"
            panels.append(_panel(f"dispersions_{job.pk}", title, result["dispersions"], caption))
    return panels


def _panel(key: str, title: str, bands: dict[str, Any], caption: str) -> Panel:
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
    return Panel(key, title, "", "frequency (cm⁻¹)", series, caption, ticks=ticks)
