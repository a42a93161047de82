"""Structures that came to one crystal, to be read: how far their free energies are apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = {"gibbs_free_energy": "G", "gibbs_free_energy_corrected": "G corrected"}


def identical_text(document: Mapping[str, Any]) -> str:
    """A line for each crystal that a ranking has more than once; empty where there is none.

    :param document: with ``identical``, as the ranking of ``anhcsp.csp`` or the study of ``anhcsp.active_library``
    """
    return "\n".join(_line(entry) for entry in document.get("identical", []))


def _line(entry: Mapping[str, Any]) -> str:
    divergence = entry["divergence"]
    apart = [f"{name} {divergence[kind]:.1f}" for kind, name in NAMES.items() if kind in divergence]
    where = f"{entry['pressure']:g} GPa, {entry['temperature']:g} K"
    return f"one crystal ({where}): {', '.join(entry['ids'])}; meV/atom apart: {', '.join(apart)}"
