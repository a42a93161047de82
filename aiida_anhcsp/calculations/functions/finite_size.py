"""Free energies of a table at one density of q points."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...engine.sscha.q_density import differ, missing_shift, q_density, shift_of

Row = dict[str, Any]
FREE_ENERGIES = ("gibbs_free_energy", "gibbs_free_energy_corrected")
"""By the potential, and by the reference that corrects it."""


def match_densities(rows: Sequence[Row], results: Mapping[int, Mapping[str, Any]]) -> None:
    """Carry the free energies of all rows to the common density of q points, if those of any point do not compare.

    They do not compare where the mean densities of q points, which are the volumes of the supercells, differ by more
    than a fifth between structures at one pressure and temperature. Then every free energy of the table gets its
    finite-size shift, so that curves over pressure stay smooth; the error of the shift is added to that of the free
    energy in quadrature. A row tells ``finite_size_shift`` and ``finite_size_error`` (eV/atom), what was added, or in
    ``unmatched`` why nothing could be: that one is ranked as it is.

    :param results: of the SSCHA runs, by place of the row
    """
    for place, result in results.items():
        if result.get("stages"):
            rows[place]["supercell"] = result["stages"][-1].get("supercell")
    if not any(differ(densities) for densities in _densities(rows, results)):
        return
    for place, result in results.items():
        _carry(rows[place], result)


def _densities(rows: Sequence[Row], results: Mapping[int, Mapping[str, Any]]) -> list[list[float | None]]:
    """Densities of the free energies that compete at each point."""

    def point(place: int) -> tuple[float, float]:
        return rows[place]["pressure"], rows[place]["temperature"]

    places = sorted((place for place in results if FREE_ENERGIES[0] in rows[place]), key=point)
    return [[q_density(results[place]) for place in group] for _, group in itertools.groupby(places, key=point)]


def _carry(row: Row, result: Mapping[str, Any]) -> None:
    shift = shift_of(result)
    if shift is None:
        if FREE_ENERGIES[0] in row:
            row["unmatched"] = missing_shift(result)
        return
    for name in FREE_ENERGIES:
        if name in row:
            row[name] += shift.value
            row[f"{name}_error"] = float(np.hypot(row[f"{name}_error"], shift.error))
    row |= {"finite_size_shift": shift.value, "finite_size_error": shift.error}
