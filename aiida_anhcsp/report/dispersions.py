"""Phonon dispersions and dynamical stability by the Hessians of a run."""

from __future__ import annotations

from typing import Any

from aiida.common import LinkType
from aiida.orm import CalcJobNode, ProcessNode

from ..workflows.hessian import describe
from .panel import Panel, Series
from .progress import entry_point_of

KINDS = ("harmonic", "auxiliary", "hessian")


def hessians_of(node: ProcessNode) -> list[CalcJobNode]:
    """Hessians that the run computed, and those computed later of what its SSCHA runs came to; oldest first."""
    nodes = {each.pk: each for each in (node, *node.called_descendants)}
    for run in list(nodes.values()):
        if entry_point_of(run) == "anhcsp.sscha" and "dynamical_matrices" in run.outputs:
            users = run.outputs.dynamical_matrices.base.links.get_outgoing(link_type=LinkType.INPUT_CALC).all_nodes()
            nodes |= {user.pk: user for user in users}
    jobs = [each for each in nodes.values() if isinstance(each, CalcJobNode)]
    found = [job for job in jobs if entry_point_of(job) == "anhcsp.hessian" and "result" in job.outputs]
    return sorted(found, key=lambda job: int(job.pk or 0))


def stability_lines(node: ProcessNode) -> list[str]:
    """The verdict of each Hessian, in a line."""
    results = [(job.pk, job.outputs.result.get_dict()) for job in hessians_of(node)]
    return [f"Hessian {pk}: {describe(result)}" for pk, result in results if "lowest_frequency" in result]


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
