"""Figures of a ranking: before and after quantum ions, and over pressure and temperature."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from .panel import Panel, Series

Row = Mapping[str, Any]
BEFORE, AFTER = 0.0, 1.0


def ranked_panels(rows: Sequence[Row], changes: Sequence[str]) -> list[Panel]:
    """Relative enthalpy and relative free energy of each structure, joined, for each pressure and temperature.

    :param rows: of a ranking by free energy, in its order
    :param changes: what happened to each row (see :func:`aiida_anhcsp.report.changes.changes_of`)
    """
    panels = []
    pairs = list(zip(rows, changes, strict=True))
    for (pressure, temperature), members in itertools.groupby(
        pairs, key=lambda pair: (pair[0]["pressure"], pair[0]["temperature"])
    ):
        series = [_joined(row, change, color) for color, (row, change) in enumerate(members)]
        panels.append(
            Panel(
                f"ranking_{pressure:g}GPa_{temperature:g}K".replace(".", "_"),
                f"Before and after quantum ions: {pressure:g} GPa, {temperature:g} K",
                "",
                "relative to the lowest (meV/atom)",
                series,
                "Left: static enthalpy of the relaxed structure. Right: Gibbs free energy after SSCHA, with its error.",
                ticks={BEFORE: "enthalpy", AFTER: "free energy"},
            )
        )
    return panels


def phase_panel(rows: Sequence[Row]) -> Panel | None:
    """The structure of lowest free energy at each pressure and temperature, where there are several points."""
    winners = [row for row in rows if row.get("rank") == 1]
    if len({(row["pressure"], row["temperature"]) for row in winners}) < 2:
        return None
    groups: dict[str, list[Row]] = {}
    for row in winners:
        groups.setdefault(f"{row['formula']} {row.get('spacegroup_final', '?')}", []).append(row)
    series = [
        Series(
            name,
            [float(row["pressure"]) for row in members],
            [float(row["temperature"]) for row in members],
            texts=[f"{name}<br>{row['id']}<br>G = {row['gibbs_free_energy']:.4f} eV/atom" for row in members],
            color=color,
        )
        for color, (name, members) in enumerate(groups.items())
    ]
    return Panel(
        "phases", "Lowest free energy", "pressure (GPa)", "temperature (K)", series, "One point for each SSCHA run won."
    )


def _joined(row: Row, change: str, color: int) -> Series:
    symmetry = f"{row.get('spacegroup_initial', '?')} → {row.get('spacegroup_final', '?')}"
    name = f"{row['id']} {symmetry}" + (f", {change}" if change else "")
    ends: list[float | None] = [float(row["relative_enthalpy"]), row.get("relative_gibbs_free_energy")]
    error = 1000 * float(row.get("gibbs_free_energy_error", 0.0))
    text = f"<br>{row['formula']}<br>{symmetry}" + (f"<br>{change}" if change else "")
    return Series(
        name,
        [BEFORE, AFTER],
        ends,
        "both",
        texts=[
            f"{row['id']}{text}<br>H = {row['enthalpy']:.4f} eV/atom",
            f"{row['id']}{text}<br>G = {row.get('gibbs_free_energy', float('nan')):.4f} eV/atom",
        ],
        errors=[0.0, error],
        color=color,
    )
