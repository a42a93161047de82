"""A run in a few lines: what was asked, how much was done, what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiida.orm import ProcessNode

from ..data.potential import PotentialData
from .processes import entry_point_of, processes_of
from .progress import LABEL, Progress, duration, progress_of
from .queries import trainings_of
from .ranking import free_energy_text
from .searches import searches_of, settings_of, system_of

Row = Mapping[str, Any]
DIGITS = 12
"""Of a SHA-256, enough to recognise it."""
MOST = 10
"""results that are told"""


def summary_of(node: ProcessNode, rows: Sequence[Row]) -> dict[str, str]:
    """What a run was about, what was done and what it found, each a line or, of the results, some; only what it has.

    :param rows: its ranking, empty where there is none
    """
    progress = progress_of(node)
    lines = {
        "system": ", ".join(dict.fromkeys(map(system_of, searches_of(node)))),
        "result": _results([_best(row) for row in _winners(rows)]),
        "search": _search(node, progress),
        "labels": _labels(node, progress),
        "potential": _potential(node),
        "SSCHA": f"{progress.sscha_done} of {progress.sscha_due} runs ended" if progress.sscha_due else "",
        "processes": _processes(node, progress),
    }
    return {name: line for name, line in lines.items() if line}


def _results(lines: list[str]) -> str:
    more = [f"and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return "\n".join([*lines[:MOST], *more])


def _winners(rows: Sequence[Row]) -> list[Row]:
    """The lowest row of each pressure and temperature; over compositions, all on the hull."""
    if any("above_hull" in row or "hull_distance" in row for row in rows):
        return [row for row in rows if row.get("above_hull", row.get("hull_distance", 1.0)) <= 0]
    return [row for row in rows if row.get("rank") == 1]


def _best(row: Row) -> str:
    name = f"{row['formula']} {row.get('spacegroup_initial') or '?'}"
    if "gibbs_free_energy" not in row:
        return f"{name} ({row['id']}), H = {row['enthalpy']:.4f} eV/atom"
    key = "gibbs_free_energy_corrected" if "gibbs_free_energy_corrected" in row else "gibbs_free_energy"
    where = f"{row['pressure']:g} GPa, {row['temperature']:g} K"
    after = row.get("spacegroup_final", "?")
    return f"{name} → {after} ({row['id']}), G = {free_energy_text(row, key).replace('+-', '±')} eV/atom at {where}"


def _search(node: ProcessNode, progress: Progress) -> str:
    if not progress.generations:
        return ""
    seeds = ", ".join(dict.fromkeys(str(settings_of(search).seed) for search in searches_of(node)))
    done = f"{progress.generation} of {progress.generations} generations"
    return f"{done}, {progress.relaxed} of {progress.structures} structures relaxed, seed {seeds}"


def _labels(node: ProcessNode, progress: Progress) -> str:
    if not progress.labels_asked:
        return ""
    engines = sorted({kind for child in processes_of(node) if (kind := entry_point_of(child)).startswith(LABEL)})
    by = ", ".join(engine.removeprefix(LABEL) for engine in engines)
    text = f"{progress.labels} of {progress.labels_asked} by {by}"
    if progress.rmse:
        errors = f"{progress.rmse['energy']:.1f} meV/atom, {progress.rmse['force']:.0f} meV/angstrom"
        text += f"; RMSE on the newest after the last training {errors}"
    return text


def _potential(node: ProcessNode) -> str:
    known = node.outputs if "potential" in node.outputs else node.inputs
    potential = known.potential if "potential" in known else None
    if not isinstance(potential, PotentialData):
        return ""
    trainings = trainings_of(potential)
    start = trainings[-1].start if trainings else potential
    name = start.base.attributes.get("name", start.label) if start is not None else "none"
    text = f"{potential.kind} {name}" + (f", trained {len(trainings)} times" if trainings else "")
    return f"{text}, SHA-256 {potential.base.attributes.get('sha256')[:DIGITS]}…"


def _processes(node: ProcessNode, progress: Progress) -> str:
    count = len(processes_of(node))
    failed = f", {progress.failed} failed" if progress.failed else ""
    elapsed = f" in {duration((node.mtime - node.ctime).total_seconds())}" if node.is_terminated else ""
    return f"{count}{failed}{elapsed}"
