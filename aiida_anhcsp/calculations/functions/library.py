"""What SSCHA of several structures with a growing library of potentials came to, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiida.engine import calcfunction
from aiida.orm import Dict

from ...engine.search.identical import divergences
from .finite_size import FREE_ENERGIES
from .ranking import corrected_energies

OF_RESULT = (
    "converged",
    "gibbs_free_energy",
    "gibbs_free_energy_error",
    "spacegroup_initial",
    "spacegroup_final",
)
FRESH, REUSED = "fresh", "reused"


@calcfunction
def library_study(**nodes: Any) -> Dict:
    """Structures ranked by Gibbs free energy, with the potential each was done with and its cost.

    :param nodes: ``plan``, a Dict of ``runs`` (by name: ``id``, ``repeats``, whether it repeats a reused potential,
        and for what failed ``reason``), ``members`` (structures by the name of their potential in the library),
        ``pressure`` (GPa) and ``temperature`` (K); and by the name of the run ``report_NAME``, ``result_NAME``,
        ``structure_NAME`` and ``correction_NAME``, as far as there are such
    :return: ``rows``, lowest first, those repeated and those that failed last: ``id``, ``potential`` (``fresh`` or
        ``reused``), ``library`` (whose potential was taken), ``forgot`` (it was given up for a fresh one), ``rounds``,
        ``labels``, ``mlip_calls``, ``mlip_calls_per_label``, ``complete``, ``held_out_..._before`` and ``..._after``
        (errors of a reused potential on what it knew, meV/atom and meV/angstrom), free energies (eV/atom), ``rank``;
        ``identical`` (``ids`` of runs that came to one crystal, ``divergence`` in meV/atom, before and after the
        correction); and ``cost``: of fresh and of reused potentials ``structures``, ``labels``, ``mlip_calls``,
        ``mlip_calls_per_label``; of ``correction`` the ``labels``
    """
    plan = nodes["plan"].get_dict()
    rows = {name: _row(name, run, plan["members"], nodes) for name, run in plan["runs"].items()}
    structures = {name: nodes[f"structure_{name}"].get_ase() for name in rows if f"structure_{name}" in nodes}
    energies = {
        name: {key: row[key] for key in FREE_ENERGIES if key in row} for name, row in rows.items() if row["converged"]
    }
    point = {"pressure": plan["pressure"], "temperature": plan["temperature"]}
    identical = [
        {**point, **each.summary(), "ids": [_said(rows[name], plan["runs"][name]) for name in each.ids]}
        for each in divergences(structures, energies)
    ]
    return Dict({"rows": _ranked(rows, plan["runs"]), "identical": identical, "cost": _costs(list(rows.values()))})


def _row(name: str, run: Mapping[str, Any], members: Mapping[str, str], nodes: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": run["id"], "converged": False}
    if f"report_{name}" in nodes:
        row |= _learned(nodes[f"report_{name}"].get_dict(), members)
    if f"result_{name}" in nodes:
        result = nodes[f"result_{name}"].get_dict()
        row |= {key: result[key] for key in OF_RESULT if key in result}
    if f"correction_{name}" in nodes:
        row |= corrected_energies(nodes[f"correction_{name}"])
    return row if "reason" not in run else {**row, "reason": run["reason"]}


def _learned(report: Mapping[str, Any], members: Mapping[str, str]) -> dict[str, Any]:
    row = {key: report[key] for key in ("labels", "mlip_calls", "mlip_calls_per_label", "complete") if key in report}
    row["rounds"] = len(report["rounds"])
    row["potential"] = REUSED if "library" in report and not report["fresh"] else FRESH
    if "library" in report:
        row |= {"library": members.get(report["library"], report["library"]), "forgot": report["fresh"]}
    for when, errors in report.get("held_out", {}).items():
        row |= {f"held_out_{kind}_{when}": errors[kind] for kind in ("energy", "force") if kind in errors}
    return row


def _ranked(rows: Mapping[str, dict[str, Any]], runs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Converged runs by free energy, corrected ones by that; a run that was repeated is not ranked."""
    repeated = {run["id"] for name, run in runs.items() if run["repeats"] and rows[name]["converged"]}
    key = FREE_ENERGIES[any(FREE_ENERGIES[1] in row for row in rows.values())]

    def order(name: str) -> tuple[int, float]:
        row = rows[name]
        if row["id"] in repeated and not runs[name]["repeats"]:
            row["repeated"] = True
        ranked = row["converged"] and key in row
        return (0 if ranked and "repeated" not in row else 1 if ranked else 2, row.get(key, 0.0))

    ordered = [(order(name), rows[name]) for name in rows]
    ordered.sort(key=lambda pair: pair[0])
    counted = [row for (place, _), row in ordered if place == 0]
    for place, row in enumerate(counted, start=1):
        row |= {"rank": place, "relative": 1000 * (row[key] - counted[0][key])}
    return [row for _, row in ordered]


def _said(row: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    return f"{row['id']} ({'repeated, ' if run['repeats'] else ''}{row.get('potential', 'unknown')})"


def _costs(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    costs: dict[str, Any] = {}
    for kind in (FRESH, REUSED):
        chosen = [row for row in rows if row.get("potential") == kind]
        cost: dict[str, Any] = {"structures": len(chosen)}
        cost |= {key: sum(row[key] for row in chosen) for key in ("labels", "mlip_calls")}
        if cost["labels"]:
            cost["mlip_calls_per_label"] = cost["mlip_calls"] / cost["labels"]
        costs[kind] = cost
    costs["correction"] = {"labels": sum(row.get("n_labels", 0) for row in rows)}
    return costs
