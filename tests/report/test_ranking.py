"""The ranking as text."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from aiida_anhcsp.report.ranking import ranking_csv, ranking_table


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    """Two structures of H3S, one of which did not converge."""
    common = {"formula": "H3S", "pressure": 130.0, "temperature": 0.0}
    return [
        {
            **common,
            "id": "g002-0000",
            "rank": 1,
            "enthalpy": 0.8010,
            "relative_enthalpy": 2.7,
            "gibbs_free_energy": 0.98131,
            "gibbs_free_energy_error": 0.0004,
            "relative_gibbs_free_energy": 0.0,
            "spacegroup_initial": "R3m",
            "spacegroup_final": "Im-3m",
            "converged": True,
            "distances": {"initial": {"H-S": [1.452, 1.661]}, "final": {"H-S": [1.56]}},
        },
        {
            **common,
            "id": "g001-0007",
            "enthalpy": 0.7983,
            "relative_enthalpy": 0.0,
            "spacegroup_initial": "C2/c",
            "converged": False,
            "reason": "the weights died",
            "distances": {"initial": {"H-S": [1.4]}},
        },
    ]


def test_table_shows_energies_symmetry_and_distances_before_and_after(rows: list[dict[str, Any]]) -> None:
    line = ranking_table(rows).splitlines()[2]
    for text in ("g002-0000", "0.8010", "0.9813 +- 0.0004", "R3m -> Im-3m", "1.45, 1.66 -> 1.56"):
        assert text in line


def test_table_says_why_a_structure_has_no_rank(rows: list[dict[str, Any]]) -> None:
    line = ranking_table(rows).splitlines()[3]
    assert line.startswith("-")
    assert "the weights died" in line


def test_columns_nobody_fills_are_left_out(rows: list[dict[str, Any]]) -> None:
    header = ranking_table(rows).splitlines()[0]
    assert "P (GPa)" not in header
    assert "made by" not in header
    hotter = {**rows[0], "temperature": 300.0}
    assert "T (K)" in ranking_table([rows[0], hotter]).splitlines()[0]


def test_csv_keeps_all_digits(rows: list[dict[str, Any]]) -> None:
    first, second = csv.DictReader(io.StringIO(ranking_csv(rows)))
    assert float(first["gibbs_free_energy"]) == rows[0]["gibbs_free_energy"]
    assert first["H-S_initial"] == "1.452 1.661"
    assert second["gibbs_free_energy"] == ""
