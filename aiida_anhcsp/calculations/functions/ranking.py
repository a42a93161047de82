"""Structures ranked by Gibbs free energy."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from aiida.engine import calcfunction
from aiida.orm import Dict, StructureData
from ase import Atoms
from pymatgen.core import Composition as Formula

from ...engine.errors import InputError
from ...engine.search.duplicates import find_duplicates
from ...engine.search.gibbs_hull import Phase, gibbs_hull
from ...engine.search.identical import divergences
from ...engine.search.settings import DuplicateRule
from ...engine.sscha.correction import as_ranked
from .distances import shortest_distances
from .finite_size import FREE_ENERGIES, match_densities

HULL_SEED = 0
"""Of the draws that propagate the errors of the free energies to the hull."""


@calcfunction
def ranking_table(**nodes: Any) -> Dict:
    """Structures ranked by Gibbs free energy at each pressure and temperature.

    Free energies of different compositions do not compare: where there are several, what ranks is the distance from
    the hull that all the others span, and ``relative_...`` is relative to the lowest of the same composition.

    :param nodes: ``runs``, a Dict of ``id``, ``pressure`` (GPa), ``temperature`` (K) and, for a run that failed,
        ``reason``, by the name of the run; ``population_...``, ranked populations; ``result_NAME`` and
        ``structure_NAME``, what the run of that name gave, if anything, and ``correction_NAME``, that of its
        correction; ``match_q_density``, a Bool, true if left out: whether free energies of supercells of different size
        are carried to one density of q points, see :func:`.finite_size.match_densities`
    :return: ``rows``, lowest first at each pressure and temperature, failed ones last. A free energy that an audit
        found where SSCHA had not converged is ranked as the ``upper_bound`` that it is. Energies in eV/atom, distances
        in angstrom: the two shortest of each pair of elements, ``initial`` and ``final``. Over compositions also
        ``hull_distance`` and ``hull_distance_error`` (eV/atom; negative on the hull), ``stable``, the probability to be
        on it, and ``merged_into``, the lower structure that one became in SSCHA, whose distance it shares. And
        ``identical``: ``pressure``, ``temperature``, ``ids`` of the runs that came to one crystal, lowest first, and
        ``divergence``, how far their free energies are apart, ``gibbs_free_energy`` and where they are corrected
        ``gibbs_free_energy_corrected`` (meV/atom); ``same_as`` names the lowest of them in the rows of the others
    """
    rows = ranked_rows(nodes)
    return Dict({"rows": rows, "identical": _identical(rows, _final_structures(nodes))})


def ranked_rows(nodes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of :func:`ranking_table`."""
    frames = {
        (float(frame.info["pressure"]), frame.info["id"]): frame
        for name, node in nodes.items()
        if name.startswith("population_")
        for frame in with_ranks(node.get_frames())
    }
    rows, final, results = [], _final_structures(nodes), {}
    for name, run in nodes["runs"].get_dict().items():
        frame = frames[float(run["pressure"]), run["id"]]
        rows.append(_row(run, frame, nodes.get(f"result_{name}"), nodes.get(f"structure_{name}")))
        if f"correction_{name}" in nodes:
            rows[-1].update(corrected_energies(nodes[f"correction_{name}"]))
        if f"result_{name}" in nodes:
            results[len(rows) - 1] = nodes[f"result_{name}"].get_dict()
    if nodes.get("match_q_density", True):
        match_densities(rows, results)
    key = _ranked_by(rows)
    rows.sort(key=_point)
    if len({_composition(row) for row in rows}) > 1:
        for point, group in itertools.groupby(rows, key=_point):
            _add_hull(list(group), key, {name: atoms for (place, name), atoms in final.items() if place == point})
        key = "hull_distance"
    rows.sort(key=lambda row: (_point(row), _order(row, key)))
    for _, group in itertools.groupby(rows, key=_point):
        _add_ranks(list(group), key)
    return rows


def _final_structures(nodes: Mapping[str, Any]) -> dict[tuple[tuple[float, float], str], Atoms]:
    """Final cells and centroids by point and id."""
    return {
        (_point(run), run["id"]): nodes[f"structure_{name}"].get_ase()
        for name, run in nodes["runs"].get_dict().items()
        if f"structure_{name}" in nodes
    }


def _identical(
    rows: list[dict[str, Any]], final: Mapping[tuple[tuple[float, float], str], Atoms]
) -> list[dict[str, Any]]:
    """Runs that came to one crystal at one point; the rows get ``same_as``."""
    found: list[dict[str, Any]] = []
    for point, group in itertools.groupby(rows, key=_point):
        converged = {row["id"]: row for row in group if row["converged"]}
        energies = {
            name: {key: row[key] for key in reversed(FREE_ENERGIES) if key in row} for name, row in converged.items()
        }
        structures = {name: atoms for (place, name), atoms in final.items() if place == point}
        for each in divergences(structures, energies):
            found.append({"pressure": point[0], "temperature": point[1], **each.summary()})
            for name in each.ids[1:]:
                converged[name]["same_as"] = each.ids[0]
    return found


def _point(row: Mapping[str, Any]) -> tuple[float, float]:
    return float(row["pressure"]), float(row["temperature"])


def _composition(row: Mapping[str, Any]) -> str:
    return str(Formula(row["formula"]).reduced_formula)


def with_ranks(frames: list[Atoms]) -> list[Atoms]:
    """The relaxed frames, lowest enthalpy first, with a ``rank`` where they have none."""
    relaxed = sorted((frame for frame in frames if "enthalpy" in frame.info), key=lambda frame: frame.info["enthalpy"])
    for place, frame in enumerate(relaxed, start=1):
        frame.info.setdefault("rank", place)
    return relaxed


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


def corrected_energies(correction: Dict) -> dict[str, Any]:
    """G of the reference as ranked, and how many labels it took."""
    best = as_ranked(correction.get_dict())
    return {
        "gibbs_free_energy_corrected": best["gibbs_free_energy"],
        "gibbs_free_energy_corrected_error": best["gibbs_free_energy_error"],
        "n_labels": best["n_labels"],
    }


def _ranked_by(rows: list[dict[str, Any]]) -> str:
    """Corrected free energies rank where there are any: those of two potentials are not comparable."""
    corrected = any("gibbs_free_energy_corrected" in row for row in rows)
    return "gibbs_free_energy_corrected" if corrected else "gibbs_free_energy"


def _order(row: dict[str, Any], key: str) -> tuple[bool, float]:
    ranked = key in row and (row["converged"] or "upper_bound" in row)
    return (not ranked, row[key] if ranked else row["enthalpy"])


def _add_hull(rows: list[dict[str, Any]], key: str, final: Mapping[str, Atoms]) -> None:
    """``hull_distance``, its error and ``stable`` at one point, or the reason why there is no hull.

    :param key: free energy that spans the hull
    :param final: centroids of the runs by id: of those that merged, the lowest is a phase
    """
    usable = [row for row in rows if not _order(row, key)[0]]
    merged = _merged(usable, key, final)
    phases = [
        Phase(row["id"], row["formula"], row[key], row[f"{key}_error"]) for row in usable if row["id"] not in merged
    ]
    try:
        distances = {each.name: each for each in gibbs_hull(phases, seed=HULL_SEED)} if phases else {}
    except InputError as error:
        for row in usable:
            row.setdefault("reason", f"not ranked: {error.problem}")
        return
    for row in usable:
        if row["id"] in merged:
            row["merged_into"] = merged[row["id"]]
        distance = distances[merged.get(row["id"], row["id"])]
        row |= {"hull_distance": distance.value, "hull_distance_error": distance.error, "stable": distance.stable}


def _merged(rows: list[dict[str, Any]], key: str, final: Mapping[str, Atoms]) -> dict[str, str]:
    """Id of the lower structure that one has become in SSCHA, within the noise of the free energies."""
    frames = []
    for row in rows:
        if row["id"] in final:
            frame = final[row["id"]].copy()
            frame.info = {"id": row["id"], "gibbs": row[key], "gibbs_error": row[f"{key}_error"]}
            frames.append(frame)
    return find_duplicates(frames, DuplicateRule(), "gibbs")


def _add_ranks(rows: list[dict[str, Any]], key: str) -> None:
    """``rank``, and ``relative_enthalpy`` and ``relative_gibbs_free_energy`` (...) in meV/atom."""
    for place, row in enumerate(rows, start=1):
        if not _order(row, key)[0]:
            row["rank"] = place
    for composition in {_composition(row) for row in rows}:
        _add_relative([row for row in rows if _composition(row) == composition])


def _add_relative(rows: list[dict[str, Any]]) -> None:
    """Enthalpies and free energies of one composition relative to the lowest."""
    lowest = min(row["enthalpy"] for row in rows)
    for row in rows:
        row["relative_enthalpy"] = 1000 * (row["enthalpy"] - lowest)
    for name in FREE_ENERGIES:
        ranked = [row for row in rows if not _order(row, name)[0]]
        for row in ranked:
            row[f"relative_{name}"] = 1000 * (row[name] - min(other[name] for other in ranked))
