"""What quantum ions did to the ranking: which structures were rescued, which merged into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ase import Atoms

from ..engine.search.duplicates import find_duplicates
from ..engine.search.identical import idealised
from ..engine.search.settings import DuplicateRule

SAME = DuplicateRule(fingerprint=0.01, enthalpy=0.01, volume=0.02)
"""Free energies of one structure reached from two starts differ by their errors, a few meV/atom."""

Row = Mapping[str, Any]
Run = tuple[str, float, float]
"""``id``, pressure (GPa) and temperature (K) of an SSCHA run"""


def run_of(row: Row) -> Run:
    """What a row of the ranking is about."""
    return str(row["id"]), float(row["pressure"]), float(row["temperature"])


def changes_of(rows: Sequence[Row], finals: Mapping[Run, Atoms]) -> list[str]:
    """What happened to each row of a ranking by free energy, in words; empty where nothing did.

    ``merged``: the same crystal, by fingerprint, volume and free energy, as a row of lower free energy. ``rescued``:
    the lowest free energy, but not the lowest enthalpy, of its pressure and temperature. ``overtaken``: the reverse.
    A space group that changed is said beside the energies anyway.

    :param finals: final cells and centroids
    """
    merged = _merged(rows, finals)
    words = []
    for row in rows:
        text = []
        group = [other for other in rows if run_of(other)[1:] == run_of(row)[1:]]
        first = min(other["enthalpy"] for other in group)
        if run_of(row) in merged:
            text.append(f"merged with {merged[run_of(row)]}")
        elif row.get("rank") == 1 and row["enthalpy"] > first:
            text.append("rescued")
        elif row.get("rank", 1) > 1 and row["enthalpy"] == first:
            text.append("overtaken")
        words.append(", ".join(text))
    return words


def _merged(rows: Sequence[Row], finals: Mapping[Run, Atoms]) -> dict[Run, str]:
    found: dict[Run, str] = {}
    for point in {run_of(row)[1:] for row in rows}:
        frames = []
        for row in rows:
            if run_of(row)[1:] == point and "rank" in row and run_of(row) in finals:
                frame = idealised(finals[run_of(row)])
                frame.info = {"id": str(row["id"]), "enthalpy": float(row["gibbs_free_energy"])}
                frames.append(frame)
        if frames:
            found |= {(name, *point): other for name, other in find_duplicates(frames, SAME).items()}
    return found
