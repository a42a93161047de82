"""The phase diagram from SSCHA runs on a grid of pressures and temperatures."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

import numpy as np
from aiida.engine import calcfunction
from aiida.orm import Dict
from ase import Atoms

from ...engine.phase_diagram import Curve, mergings, transitions
from ...engine.search.duplicates import find_duplicates
from ...engine.search.settings import DuplicateRule
from .ranking import ranked_rows, with_ranks

Row = dict[str, Any]
AT_REST, QUANTUM = "merged_at_rest", "merged_into"


@calcfunction
def phase_table(**nodes: Any) -> Dict:
    """Free energies, which phases merged, and where the stable phase changes.

    :param nodes: as those of ``ranking_table``
    :return: ``rows`` (as ``ranking_table``, with ``merged_into`` for a phase whose final structure is that of another,
        and ``merged_at_rest`` where their relaxed structures are one), ``transitions`` of first order: ``kind``
        (classical: of static enthalpies; quantum), ``temperature`` (K; absent for classical), ``lower``, ``upper``,
        ``pressure`` and ``error`` (GPa); and ``mergings``: ``kind``, ``temperature``, ``phase``, ``into``, and the
        neighbouring pressures (GPa) at which they are two, ``separate``, and one, ``merged``
    """
    rows = ranked_rows(nodes)
    final = {}
    for name, run in nodes["runs"].get_dict().items():
        if f"structure_{name}" in nodes:
            final[_point(run)] = nodes[f"structure_{name}"].get_ase()
    order = representatives(rows)
    populations = [with_ranks(node.get_frames()) for name, node in nodes.items() if name.startswith("population_")]
    for frames in populations:
        at_rest = [row for row in rows if row["pressure"] == float(frames[0].info["pressure"])]
        _note(at_rest, AT_REST, merged(frames, order, "enthalpy"))
    for _, group in itertools.groupby(rows, key=lambda row: (row["pressure"], row["temperature"])):
        converged = [row for row in group if row["converged"] and _point(row) in final]
        _note(converged, QUANTUM, merged([_measured(final[_point(row)], row) for row in converged], order))
    return Dict({"rows": rows, **changes(rows)})


def changes(rows: list[Row]) -> dict[str, list[Row]]:
    """``transitions`` and ``mergings``: those of the static enthalpies, then of free energies at each temperature."""
    temperatures = sorted({row["temperature"] for row in rows})
    once = [row for row in rows if row["temperature"] == temperatures[0]] if rows else []
    found: list[tuple[Row, dict[str, Curve]]] = [({"kind": "classical"}, _curves(once, "enthalpy", AT_REST))]
    for temperature in temperatures:
        here = [row for row in rows if row["temperature"] == temperature and row["converged"]]
        where = {"kind": "quantum", "temperature": temperature}
        found.append((where, _curves(here, "gibbs_free_energy", QUANTUM)))
    return {
        "transitions": [{**where, **asdict(each)} for where, curves in found for each in transitions(curves)],
        "mergings": [{**where, **asdict(each)} for where, curves in found for each in mergings(curves)],
    }


def representatives(rows: list[Row]) -> list[str]:
    """Phases in the order in which they represent those they have merged with, the same at every point.

    A phase that keeps its space group under pressure and in SSCHA comes before one that changes it: that one has
    merged into it. Then by name.
    """
    groups: dict[str, set[str]] = {}
    for row in rows:
        keys = ("spacegroup_initial", "spacegroup_final") if row["converged"] else ("spacegroup_initial",)
        groups.setdefault(row["id"], set()).update(row[key] for key in keys if key in row)
    return sorted(groups, key=lambda name: (len(groups[name]), name))


def merged(frames: list[Atoms], order: list[str], energy: str = "gibbs_free_energy") -> dict[str, str]:
    """The representative of each frame that is the same as one earlier in ``order``, by ``id``.

    :param energy: what is compared beside the structures, as in ``find_duplicates``
    """
    duplicates = find_duplicates(frames, DuplicateRule(), energy)
    lowest = {frame.info["id"]: duplicates.get(frame.info["id"], frame.info["id"]) for frame in frames}
    first = {lowest[name]: name for name in reversed(order) if name in lowest}
    return {name: first[group] for name, group in lowest.items() if first[group] != name}


def _note(rows: list[Row], key: str, found: dict[str, str]) -> None:
    for row in rows:
        if row["id"] in found:
            row[key] = found[row["id"]]


def _measured(frame: Atoms, row: Row) -> Atoms:
    frame.info = {key: row[key] for key in ("id", "gibbs_free_energy", "gibbs_free_energy_error")}
    return frame


def _curves(rows: list[Row], value: str, mark: str) -> dict[str, Curve]:
    curves = {}
    for name in sorted({row["id"] for row in rows}):
        points = sorted((row for row in rows if row["id"] == name and value in row), key=lambda row: row["pressure"])
        pressures, values = (np.array([row[column] for row in points]) for column in ("pressure", value))
        errors = np.array([row.get(f"{value}_error", 0.0) for row in points])
        become = {row["pressure"]: row[mark] for row in points if mark in row}
        curves[name] = Curve(pressures, values, errors, become)
    return curves


def _point(row: Row) -> tuple[str, float, float]:
    return row["id"], float(row["pressure"]), float(row["temperature"])
