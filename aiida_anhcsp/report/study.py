"""The study of several structures with a growing library of potentials, to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from .identical import identical_text

Row = Mapping[str, Any]


def study_text(document: Mapping[str, Any]) -> str:
    """Table of the runs, what identical structures differ by, and the cost.

    :param document: the study of ``anhcsp.active_library``
    """
    rows = document["rows"]
    columns = {
        "rank": [str(row.get("rank", "-")) for row in rows],
        "structure": [row["id"] for row in rows],
        "G (eV/atom)": [_number(row, "gibbs_free_energy", ".4f") for row in rows],
        "G corrected (eV/atom)": [_number(row, "gibbs_free_energy_corrected", ".4f") for row in rows],
        "dG (meV)": [_number(row, "relative", ".1f") for row in rows],
        "space group": [row.get("spacegroup_final", "") for row in rows],
        "potential": [_potential(row) for row in rows],
        "labels": [_number(row, "labels", "d") for row in rows],
        "calls per label": [_number(row, "mlip_calls_per_label", ".0f") for row in rows],
        "note": [_note(row) for row in rows],
    }
    filled = {name: values for name, values in columns.items() if any(values)}
    costs = "\n".join(_cost(kind, document["cost"][kind]) for kind in ("fresh", "reused"))
    corrections = document["cost"]["correction"]["labels"]
    parts = [tabulate(filled, headers="keys", disable_numparse=True), identical_text(document), costs]
    return "\n\n".join(filter(None, [*parts, f"corrections: {corrections} labels" if corrections else ""]))


def _number(row: Row, key: str, form: str) -> str:
    return format(row[key], form) if key in row else ""


def _potential(row: Row) -> str:
    if "library" not in row:
        return str(row.get("potential", ""))
    return f"fresh, {row['library']} forgot" if row["forgot"] else f"of {row['library']}"


def _note(row: Row) -> str:
    if "reason" in row:
        return str(row["reason"])
    return "repeated" if row.get("repeated", False) else ""


def _cost(kind: str, cost: Row) -> str:
    per_label = f", {cost['mlip_calls_per_label']:.0f} a label" if "mlip_calls_per_label" in cost else ""
    return (
        f"{kind} potentials: {cost['structures']} runs, {cost['labels']} labels, {cost['mlip_calls']} calls{per_label}"
    )
