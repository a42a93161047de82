"""Table and figure of a phase diagram."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.image import imread

from aiida_anhcsp.report.figures.panel import side_by_side
from aiida_anhcsp.report.figures.phase_diagram import diagram_panels
from aiida_anhcsp.report.transitions import transition_table


def document() -> dict[str, Any]:
    rows = [
        {
            "id": name,
            "pressure": pressure,
            "temperature": 0.0,
            "enthalpy": 0.01 * pressure + shift,
            "gibbs_free_energy": 0.01 * pressure,
            "gibbs_free_energy_error": 0.001,
            "converged": True,
        }
        for pressure in (100.0, 150.0)
        for name, shift in (("R3m", 0.0), ("Im-3m", 0.005))
    ]
    rows[0]["merged_into"] = "Im-3m"
    found = {"lower": "R3m", "upper": "Im-3m", "pressure": 176.04, "error": 2.11}
    return {
        "rows": rows,
        "transitions": [{"kind": "classical", **found}, {"kind": "quantum", "temperature": 0, **found}],
        "mergings": [{"kind": "classical", "phase": "R3m", "into": "Im-3m", "separate": 150.0, "merged": 100.0}],
    }


def test_transitions_are_told_with_their_errors() -> None:
    text = transition_table(document())
    assert "176.0 +- 2.1" in text
    assert "R3m has become Im-3m at 100 GPa, 0 K" in text


def test_mergings_are_told_with_their_interval() -> None:
    assert "R3m merges into Im-3m  between 100 and 150" in transition_table(document())


def test_a_diagram_without_transitions_says_so() -> None:
    assert transition_table({"rows": [], "transitions": [], "mergings": []}) == "no transition"


def test_the_figure_is_a_picture(tmp_path: Path) -> None:
    assert imread(side_by_side(diagram_panels(document()), tmp_path / "diagram.png")).std() > 0
