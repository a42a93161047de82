"""The transitions of a phase diagram, to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

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
