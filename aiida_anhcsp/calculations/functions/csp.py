"""Tables at the end: one SSCHA run, and the ranking by free energy."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from aiida.engine import calcfunction
from aiida.orm import Dict, StructureData
from ase import Atoms
from ase.neighborlist import neighbor_list

DISTANCE_STEP = 0.01
"""Distances closer than this (angstrom) count as one."""


@calcfunction
def sscha_summary(**nodes: Any) -> Dict:
    """Result of an SSCHA run whose stages and audit were jobs of their own.

    :param nodes: ``structure`` and ``final`` (structures), ``stage_01``, ``stage_02``, ... in the order they ran and,
        if there was one, ``audit``: the results of the jobs
    :return: the result of the last job, with the ``stages`` of all, ``n_evaluations`` summed, and ``initial`` and
        ``final``: cell (angstrom), volume (angstrom^3), spacegroup, quantum stress (GPa, ASE's sign)
    """
    stages = [nodes[name].get_dict() for name in sorted(nodes) if name.startswith("stage_")]
    parts = [*stages, *([nodes["audit"].get_dict()] if "audit" in nodes else [])]
    last = parts[-1]
    result = {
        **stages[-1],
        **last,
        "converged": all(part["converged"] for part in (stages[-1], last)),
        "spacegroup_initial": stages[0]["spacegroup_initial"],
        "n_evaluations": sum(part["n_evaluations"] for part in parts),
        "stages": [entry for part in stages for entry in part["stages"]],
        "initial": {**_cell(nodes["structure"]), "spacegroup": stages[0]["spacegroup_initial"]},
        "final": {**_cell(nodes["final"]), "spacegroup": last.get("spacegroup_final", "P1")},
    }
    if result["stages"] and "stress" in last:
        result["initial"]["stress"] = result["stages"][0]["stress_initial"]
        result["final"]["stress"] = last["stress"]
    return Dict(result)


@calcfunction
def ranking_table(**nodes: Any) -> Dict:
    """Structures ranked by Gibbs free energy at each pressure and temperature.

    :param nodes: ``runs``, a Dict of ``id``, ``pressure`` (GPa), ``temperature`` (K) and, for a run that failed,
        ``reason``, by the name of the run; ``population_...``, ranked populations; ``result_NAME`` and
        ``structure_NAME``, what the run of that name gave, if anything
    :return: ``rows``, lowest first at each pressure and temperature, failed ones last. Energies in eV/atom, distances
        in angstrom: the two shortest of each pair of elements, ``initial`` and ``final``
    """
    frames = {
        (float(frame.info["pressure"]), frame.info["id"]): frame
        for name, node in nodes.items()
        if name.startswith("population_")
        for frame in node.get_frames()
    }
    rows = []
    for name, run in nodes["runs"].get_dict().items():
        frame = frames[float(run["pressure"]), run["id"]]
        rows.append(_row(run, frame, nodes.get(f"result_{name}"), nodes.get(f"structure_{name}")))
    rows.sort(key=lambda row: (row["pressure"], row["temperature"], _order(row)))
    for _, group in itertools.groupby(rows, key=lambda row: (row["pressure"], row["temperature"])):
        _add_ranks(list(group))
    return Dict({"rows": rows})


def shortest_distances(atoms: Atoms, number: int = 2, cutoff: float = 4.0) -> dict[str, list[float]]:
    """The shortest distinct distances of each pair of unlike elements (of like ones in an element), in angstrom.

    :param cutoff: longest distance considered
    """
    symbols = np.array(atoms.get_chemical_symbols())
    first, second, distances = neighbor_list("ijd", atoms, cutoff)
    elements = sorted(set(symbols))
    pairs = list(itertools.combinations(elements, 2)) or [(elements[0], elements[0])]
    return {f"{a}-{b}": _distinct(distances[(symbols[first] == a) & (symbols[second] == b)], number) for a, b in pairs}


def _distinct(distances: Any, number: int) -> list[float]:
    kept: list[float] = []
    for distance in np.sort(distances):
        if len(kept) < number and (not kept or distance - kept[-1] > DISTANCE_STEP):
            kept.append(round(float(distance), 4))
    return kept


def _cell(structure: StructureData) -> dict[str, Any]:
    return {"cell": [list(vector) for vector in structure.cell], "volume": structure.get_cell_volume()}


def _row(run: dict[str, Any], frame: Atoms, result: Dict | None, structure: StructureData | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": run["id"],
        "formula": frame.get_chemical_formula(),
        "pressure": float(run["pressure"]),
        "temperature": float(run["temperature"]),
        "enthalpy": float(frame.info["enthalpy"]),
        "rank_by_enthalpy": int(frame.info["rank"]),
        "spacegroup_initial": frame.info["spacegroup"],
        "converged": False,
        "distances": {"initial": shortest_distances(frame)},
    }
    if "reason" in run:
        row["reason"] = run["reason"]
    if result is not None:
        keys = ("converged", "gibbs_free_energy", "gibbs_free_energy_error", "spacegroup_initial", "spacegroup_final")
        row.update({key: result[key] for key in keys if key in result.get_dict()})
    if structure is not None:
        row["distances"]["final"] = shortest_distances(structure.get_ase())
    return row


def _order(row: dict[str, Any]) -> tuple[bool, float]:
    ranked = row["converged"] and "gibbs_free_energy" in row
    return (not ranked, row["gibbs_free_energy"] if ranked else row["enthalpy"])


def _add_ranks(rows: list[dict[str, Any]]) -> None:
    """``rank`` by free energy, and ``relative_enthalpy`` and ``relative_gibbs_free_energy`` in meV/atom."""
    lowest = min(row["enthalpy"] for row in rows)
    for place, row in enumerate(rows, start=1):
        row["relative_enthalpy"] = 1000 * (row["enthalpy"] - lowest)
        if not _order(row)[0]:
            row["rank"] = place
            row["relative_gibbs_free_energy"] = 1000 * (row["gibbs_free_energy"] - rows[0]["gibbs_free_energy"])
