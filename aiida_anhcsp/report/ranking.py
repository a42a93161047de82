"""The structures a run found, as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from aiida.orm import ProcessNode
from ase import Atoms
from tabulate import tabulate

from ..data.population import PopulationData
from ..engine.errors import InputError
from ..engine.search.quantum import ADDED, CONVERGED, FAILED, GIVEN_UP
from ..engine.search.rank import lowest
from ..engine.search.settings import HULL_DISTANCE, SearchSettings
from .processes import entry_point_of, state_of
from .provenance import table_of
from .searches import settings_of

Row = Mapping[str, Any]
WITHOUT = (GIVEN_UP, FAILED)


def ranking_rows(node: ProcessNode) -> list[dict[str, Any]]:
    """Rows of a run: by free energy for ``anhcsp.csp``, by its fitness for a search (distinct structures).

    Energies in eV/atom, relative ones in meV/atom, distances in angstrom.

    :raises InputError: the run has neither ranking nor population (yet).
    """
    table = table_of(node)
    if table is not None:
        return list(table["rows"])
    if "population" in node.outputs and isinstance(node.outputs.population, PopulationData):
        searched = entry_point_of(node) == "anhcsp.search" and "settings" in node.inputs
        return population_rows(node.outputs.population, settings_of(node) if searched else None)
    if node.is_finished_ok:
        problem = f"run {node.pk} ({entry_point_of(node) or node.process_label}) makes no ranking"
        raise InputError("PK", problem, f"see what it found with aiida-anhcsp report {node.pk}")
    if node.is_terminated:
        problem = f"run {node.pk} ended without a ranking: {state_of(node)}"
        raise InputError("PK", problem, f"see aiida-anhcsp report {node.pk}")
    raise InputError("PK", f"run {node.pk} has no ranking yet", f"follow it with aiida-anhcsp status {node.pk} --watch")


def population_rows(population: PopulationData, settings: SearchSettings | None = None) -> list[dict[str, Any]]:
    """The distinct structures of a ranked population, lowest first; then those that have no free energy to rank by.

    :param settings: of the search; enthalpies of several compositions do not compare, and ``above_hull`` (meV/atom)
        takes the place of ``relative_enthalpy`` where the hull ranks
    """
    population_frames = population.get_frames()
    ranked = lowest(population_frames)
    left = [frame for frame in population_frames if frame.info.get("sscha") in WITHOUT and "enthalpy" in frame.info]
    frames = [*ranked, *sorted(left, key=lambda frame: frame.info["enthalpy"])]
    enthalpy = min((frame.info["enthalpy"] for frame in frames), default=0.0)
    rows = [_population_row(frame, enthalpy, ranked[0].info if ranked else {}) for frame in frames]
    if settings is not None and settings.variable:
        for row, frame in zip(rows, frames, strict=True):
            del row["relative_enthalpy"]
            if settings.ranked_by == HULL_DISTANCE:
                row["above_hull"] = _plain(1000 * frame.info["fitness"])
    return rows


def _population_row(frame: Atoms, enthalpy: float, best: Mapping[str, Any]) -> dict[str, Any]:
    """A row; what could not be ranked is of the temperature of the best."""
    keys = ("id", "pressure", "enthalpy", "rank", "generation", "operator", "free_energy_of")
    row = {key: _plain(frame.info[key]) for key in keys if key in frame.info}
    if "temperature" in best:
        row["temperature"] = _plain(best["temperature"])
    row["formula"] = frame.get_chemical_formula()
    row["spacegroup_initial"] = frame.info.get("spacegroup")
    row["relative_enthalpy"] = _plain(1000 * (frame.info["enthalpy"] - enthalpy))
    if "sscha" in frame.info:
        row["converged"] = frame.info["sscha"] == CONVERGED
        row |= {key: _plain(frame.info[key]) for key in ("sscha", "reason", *ADDED) if key in frame.info}
    if "gibbs_free_energy" in frame.info:
        quantum = ("gibbs_free_energy", "gibbs_free_energy_error", "spacegroup_final")
        row |= {key: _plain(frame.info[key]) for key in quantum}
        row["relative_gibbs_free_energy"] = _plain(1000 * (frame.info["gibbs_free_energy"] - best["gibbs_free_energy"]))
    return row


def ranking_table(rows: list[dict[str, Any]]) -> str:
    """The rows as a table to be read; columns nobody fills are left out."""
    columns: dict[str, list[str]] = {
        "rank": [str(row.get("rank", "-")) for row in rows],
        "structure": [row["id"] for row in rows],
        "formula": [row["formula"] for row in rows],
        "P (GPa)": _where_several(rows, "pressure"),
        "T (K)": _where_several(rows, "temperature"),
        "H (eV/atom)": [f"{row['enthalpy']:.4f}" for row in rows],
        "dH (meV)": [_number(row, "relative_enthalpy", ".1f") for row in rows],
        "above hull (meV/atom)": [_number(row, "above_hull", ".1f") for row in rows],
        "G (eV/atom)": [free_energy_text(row) for row in rows],
        "dG (meV)": [_number(row, "relative_gibbs_free_energy", ".1f") for row in rows],
        "finite size (meV/atom)": [_shift(row) for row in rows],
        "G corrected (eV/atom)": [free_energy_text(row, "gibbs_free_energy_corrected") for row in rows],
        "dG corrected (meV)": [_number(row, "relative_gibbs_free_energy_corrected", ".1f") for row in rows],
        "space group": [_change(row.get("spacegroup_initial"), row.get("spacegroup_final")) for row in rows],
        **_distance_columns(rows),
        "made by": [row.get("operator", "") for row in rows],
        "note": [_note(row) for row in rows],
    }
    filled = {name: values for name, values in columns.items() if any(values)}
    return tabulate(filled, headers="keys", disable_numparse=True)


def ranking_csv(rows: list[dict[str, Any]]) -> str:
    """The rows as comma-separated values; distances are written ``1.45 1.66``."""
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _flat(row: Row) -> dict[str, Any]:
    flat = {key: value for key, value in row.items() if key != "distances"}
    for when, pairs in row.get("distances", {}).items():
        for pair, distances in pairs.items():
            flat[f"{pair}_{when}"] = " ".join(f"{distance:.3f}" for distance in distances)
    return flat


def _where_several(rows: list[dict[str, Any]], key: str) -> list[str]:
    values = [row.get(key) for row in rows]
    several = len(set(values)) > 1
    return [f"{value:g}" if several and value is not None else "" for value in values]


def _number(row: Row, key: str, form: str) -> str:
    return format(row[key], form) if key in row else ""


def free_energy_text(row: Row, key: str = "gibbs_free_energy") -> str:
    """A free energy of a row with its error, eV/atom; empty where it has none."""
    if key not in row:
        return ""
    error = row.get(f"{key}_error")
    return f"{row[key]:.4f}" + (f" +- {error:.4f}" if error is not None else "")


def _shift(row: Row) -> str:
    """What the free energy holds for the q points that its supercell leaves out."""
    if "finite_size_shift" not in row:
        return ""
    return f"{1000 * row['finite_size_shift']:+.1f} +- {1000 * row['finite_size_error']:.1f}"


def _change(before: str | None, after: str | None) -> str:
    return f"{before or '?'} -> {after}" if after else before or ""


def _distance_columns(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    pairs = sorted({pair for row in rows for when in row.get("distances", {}).values() for pair in when})
    return {f"{pair} (A)": [_distances(row.get("distances", {}), pair) for row in rows] for pair in pairs}


def _distances(distances: Mapping[str, Mapping[str, list[float]]], pair: str) -> str:
    texts = {
        when: ", ".join(f"{distance:.2f}" for distance in distances.get(when, {}).get(pair, []))
        for when in ("initial", "final")
    }
    return _change(texts["initial"] or None, texts["final"] or None)


def _note(row: Row) -> str:
    if "reason" in row:
        state = str(row.get("sscha", "")).replace("_", " ")
        return f"{state}: {row['reason']}" if state else str(row["reason"])
    if not row.get("converged", True):
        return "not converged"
    return f"same crystal as {row['same_as']}" if "same_as" in row else str(row.get("unmatched", ""))
