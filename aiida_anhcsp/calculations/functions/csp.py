"""Tables at the end: one SSCHA run, and the ranking by free energy."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from aiida.engine import calcfunction
from aiida.orm import Dict, StructureData
from ase import Atoms
from ase.neighborlist import neighbor_list

from ...data.dynamical_matrices import DynamicalMatricesData
from ...engine.sscha.reports import between_stages, jump

DISTANCE_STEP = 0.01
"""Distances closer than this (angstrom) count as one."""


@calcfunction
def sscha_summary(**nodes: Any) -> Dict:
    """Result of an SSCHA run whose stages and audit were jobs of their own.

    :param nodes: ``structure`` and ``final`` (structures), ``stage_01``, ``stage_02``, ... in the order they ran and,
        if there was one, ``audit``: the results of the jobs; ``given_up``, why the run ended early, if it did
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
    difference = between_stages(result["stages"])
    if difference is not None:
        result["finite_size"] = {**result.get("finite_size", {}), "between_stages": difference}
    if "audit" in nodes and result["converged"] and (contradiction := jump(stages[-1], last)):
        result |= {"converged": False, "reason": contradiction}
    if "given_up" in nodes:
        result |= {"converged": False, "reason": nodes["given_up"].value}
    if result["stages"] and "stress" in last:
        result["initial"]["stress"] = result["stages"][0]["stress_initial"]
        result["final"]["stress"] = last["stress"]
    return Dict(result)


@calcfunction
def ranking_table(**nodes: Any) -> Dict:
    """Structures ranked by Gibbs free energy at each pressure and temperature.

    :param nodes: ``runs``, a Dict of ``id``, ``pressure`` (GPa), ``temperature`` (K) and, for a run that failed,
        ``reason``, by the name of the run; ``population_...``, ranked populations; ``result_NAME`` and
        ``structure_NAME``, what the run of that name gave, if anything, and ``correction_NAME``, that of its correction
    :return: ``rows``, lowest first at each pressure and temperature, failed ones last. A free energy that an audit
        found where SSCHA had not converged is ranked as the ``upper_bound`` that it is. Energies in eV/atom, distances
        in angstrom: the two shortest of each pair of elements, ``initial`` and ``final``
    """
    return Dict({"rows": ranked_rows(nodes)})


def ranked_rows(nodes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of :func:`ranking_table`."""
    frames = {
        (float(frame.info["pressure"]), frame.info["id"]): frame
        for name, node in nodes.items()
        if name.startswith("population_")
        for frame in with_ranks(node.get_frames())
    }
    rows = []
    for name, run in nodes["runs"].get_dict().items():
        frame = frames[float(run["pressure"]), run["id"]]
        rows.append(_row(run, frame, nodes.get(f"result_{name}"), nodes.get(f"structure_{name}")))
        if f"correction_{name}" in nodes:
            rows[-1].update(_corrected(nodes[f"correction_{name}"]))
    key = _ranked_by(rows)
    rows.sort(key=lambda row: (row["pressure"], row["temperature"], _order(row, key)))
    for _, group in itertools.groupby(rows, key=lambda row: (row["pressure"], row["temperature"])):
        _add_ranks(list(group), key)
    return rows


def with_ranks(frames: list[Atoms]) -> list[Atoms]:
    """The relaxed frames, lowest enthalpy first, with a ``rank`` where they have none."""
    relaxed = sorted((frame for frame in frames if "enthalpy" in frame.info), key=lambda frame: frame.info["enthalpy"])
    for place, frame in enumerate(relaxed, start=1):
        frame.info.setdefault("rank", place)
    return relaxed


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


def _cell(structure: StructureData | DynamicalMatricesData) -> dict[str, Any]:
    atoms = structure.get_structure() if isinstance(structure, DynamicalMatricesData) else structure.get_ase()
    return {"cell": atoms.cell.tolist(), "volume": float(atoms.get_volume())}


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
        if not row["converged"] and result.get_dict().get("source") == "audit":
            row["upper_bound"] = True
    if structure is not None:
        row["distances"]["final"] = shortest_distances(structure.get_ase())
    return row


def _corrected(correction: Dict) -> dict[str, Any]:
    """G of the reference, at its own minimum where the labels led there, and how many labels it took."""
    document = correction.get_dict()
    minimum = document.get("reminimised", {})
    best = minimum if minimum.get("converged", False) else document
    return {
        "gibbs_free_energy_corrected": best["gibbs_free_energy"],
        "gibbs_free_energy_corrected_error": document["gibbs_free_energy_error"],
        "n_labels": document["n_labels"],
    }


def _ranked_by(rows: list[dict[str, Any]]) -> str:
    """Corrected free energies rank where there are any: those of two potentials are not comparable."""
    corrected = any("gibbs_free_energy_corrected" in row for row in rows)
    return "gibbs_free_energy_corrected" if corrected else "gibbs_free_energy"


def _order(row: dict[str, Any], key: str) -> tuple[bool, float]:
    ranked = key in row and (row["converged"] or "upper_bound" in row)
    return (not ranked, row[key] if ranked else row["enthalpy"])


def _add_ranks(rows: list[dict[str, Any]], key: str) -> None:
    """``rank`` by free energy, and ``relative_enthalpy`` and ``relative_gibbs_free_energy`` (...) in meV/atom."""
    lowest = min(row["enthalpy"] for row in rows)
    for place, row in enumerate(rows, start=1):
        row["relative_enthalpy"] = 1000 * (row["enthalpy"] - lowest)
        if not _order(row, key)[0]:
            row["rank"] = place
    for name in ("gibbs_free_energy", "gibbs_free_energy_corrected"):
        ranked = [row for row in rows if not _order(row, name)[0]]
        for row in ranked:
            row[f"relative_{name}"] = 1000 * (row[name] - min(other[name] for other in ranked))
