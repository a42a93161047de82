"""The phase diagram from SSCHA runs on a grid of pressures and temperatures."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from aiida.engine import calcfunction
from aiida.orm import Dict
from ase import Atoms

from ...engine.phase_diagram import Curve, transitions
from ...engine.search.duplicates import find_duplicates
from ...engine.search.settings import DuplicateRule
from .csp import ranked_rows

Row = dict[str, Any]


@calcfunction
def phase_table(**nodes: Any) -> Dict:
    """Free energies, which phases merged, and where the stable phase changes.

    :param nodes: as those of ``ranking_table``
    :return: ``rows`` (as ``ranking_table``, with ``merged_into`` for a phase whose final structure is that of a lower
        one), and ``transitions``: ``kind`` (classical: of static enthalpies; quantum), ``temperature`` (K; absent for
        classical), ``lower``, ``upper``, ``pressure`` and ``error`` (GPa)
    """
    rows = ranked_rows(nodes)
    final = {}
    for name, run in nodes["runs"].get_dict().items():
        if f"structure_{name}" in nodes:
            final[_point(run)] = nodes[f"structure_{name}"].get_ase()
    for _, group in itertools.groupby(rows, key=lambda row: (row["pressure"], row["temperature"])):
        _note_merged(list(group), final)
    return Dict({"rows": rows, "transitions": [*classical_transitions(rows), *quantum_transitions(rows)]})


def classical_transitions(rows: list[Row]) -> list[Row]:
    """Transitions of the static enthalpies."""
    lowest = min((row["temperature"] for row in rows), default=0.0)
    once = [row for row in rows if row["temperature"] == lowest]
    return [{"kind": "classical", **found} for found in _transitions(once, "enthalpy")]


def quantum_transitions(rows: list[Row]) -> list[Row]:
    """Transitions of the free energies at each temperature; phases that have merged count as one."""
    found = []
    for temperature in sorted({row["temperature"] for row in rows}):
        here = [row for row in rows if row["temperature"] == temperature and row["converged"]]
        alone = [row for row in here if "merged_into" not in row]
        for transition in _transitions(alone, "gibbs_free_energy"):
            found.append({"kind": "quantum", "temperature": temperature, **transition})
    return found


def _transitions(rows: list[Row], key: str) -> list[Row]:
    curves = {}
    for name in sorted({row["id"] for row in rows}):
        points = sorted((row for row in rows if row["id"] == name and key in row), key=lambda row: row["pressure"])
        pressures, values = (np.array([row[column] for row in points]) for column in ("pressure", key))
        curves[name] = Curve(pressures, values, np.array([row.get(f"{key}_error", 0.0) for row in points]))
    return [
        {"lower": found.lower, "upper": found.upper, "pressure": found.pressure, "error": found.error}
        for found in transitions(curves)
    ]


def _note_merged(rows: list[Row], final: dict[tuple[str, float, float], Atoms]) -> None:
    """Add ``merged_into`` where final centroids and free energies are those of a lower phase, within the noise."""
    frames, noise = [], 0.0
    for row in rows:
        if row["converged"] and _point(row) in final:
            frame = final[_point(row)]
            frame.info = {"id": row["id"], "enthalpy": row["gibbs_free_energy"]}
            frames.append(frame)
            noise = max(noise, 3 * 2**0.5 * row["gibbs_free_energy_error"])
    if len(frames) < 2:
        return
    rule = DuplicateRule(enthalpy=max(DuplicateRule().enthalpy, noise))
    duplicates = find_duplicates(frames, rule)
    for row in rows:
        if row["id"] in duplicates:
            row["merged_into"] = duplicates[row["id"]]


def _point(row: Row) -> tuple[str, float, float]:
    return row["id"], float(row["pressure"]), float(row["temperature"])
