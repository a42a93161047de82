"""Hull figures: what is on the hull, how far above it the rest lies, with classical and with quantum ions."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from aiida.orm import WorkChainNode
from pymatgen.core import Composition as Formula

from aiida_anhcsp.report.figures import figures_of
from aiida_anhcsp.report.figures.hull import Hull, Phase, classical_hull_panel, quantum_hull_panels


def row(name: str, formula: str, enthalpy: float, gibbs: float, **more: Any) -> dict[str, Any]:
    """A row of a ranking over compositions at 100 GPa and 0 K."""
    keys = {"id": name, "formula": formula, "enthalpy": enthalpy, "gibbs_free_energy": gibbs, "pressure": 100.0}
    return {**keys, "temperature": 0.0, "gibbs_free_energy_error": 0.002, "hull_distance": 0.0, "stable": 0.5, **more}


ROWS = [
    row("metal", "Mg", -1.0, -1.0),
    row("gas", "H2", -2.0, -1.8),
    row("compound", "MgH2", -2.0, -2.0),
    row("rival", "MgH", -1.8, -1.5),
    row("same", "Mg2H4", -2.0, -2.0, merged_into="compound"),
    {"id": "failed", "formula": "MgH3", "pressure": 100.0, "temperature": 0.0, "enthalpy": -2.0},
]


def test_the_hull_of_a_search_joins_what_is_on_it(compositions: WorkChainNode) -> None:
    panel = classical_hull_panel(compositions)
    assert panel is not None
    line, stable, above = panel.series
    assert panel.x_label == "fraction of Au"
    assert list(line.x) == [0.0, 0.5, 1.0]
    assert list(line.y) == pytest.approx([0.0, -0.1, 0.0])
    assert len(stable.y) == 3
    assert list(above.y) == pytest.approx([-0.06])
    assert "40.0 meV/atom above" in above.texts[0]


def test_figures_of_a_search_over_compositions_have_the_hull_for_paper_too(
    compositions: WorkChainNode, tmp_path: Path
) -> None:
    panels = {panel.key: panel for panel in figures_of(compositions)}
    written = panels["hull"].save(tmp_path)
    assert {path.name for path in written} == {"hull.svg", "hull.pdf"}


def test_a_search_of_one_formula_has_no_hull(whole: WorkChainNode) -> None:
    assert "hull" not in {panel.key for panel in figures_of(whole)}


def test_quantum_ions_lift_a_phase_off_the_hull_that_classical_ones_leave_on_it() -> None:
    (panel,) = quantum_hull_panels(ROWS)
    quantum, classical, stable, above = panel.series
    assert list(classical.x) == pytest.approx([0.0, 0.5, 2 / 3, 1.0])
    assert list(quantum.x) == pytest.approx([0.0, 2 / 3, 1.0])
    assert classical.dashed and not quantum.dashed
    assert len(stable.y) == 3 and len(above.y) == 1
    assert list(above.errors) == [0.002]
    assert "G = -1.5000 +- 0.0020 eV/atom" in above.texts[0]


def test_a_corrected_free_energy_spans_the_hull() -> None:
    keys = {"gibbs_free_energy_corrected": -2.5, "gibbs_free_energy_corrected_error": 0.001}
    rows = [{**each, **keys} if each["id"] == "compound" else each for each in ROWS[:3]]
    rows = [
        {"gibbs_free_energy_corrected": r["gibbs_free_energy"], "gibbs_free_energy_corrected_error": 0.0, **r}
        for r in rows
    ]
    (panel,) = quantum_hull_panels(rows)
    assert min(y for y in panel.series[0].y if y is not None) == pytest.approx(-2.5 - (-1.0 / 3 - 1.8 * 2 / 3))


def test_three_elements_are_a_triangle_whose_facets_are_joined() -> None:
    values = {"Li": 0.0, "O": 0.0, "H": 0.0, "LiH": -0.5, "LiHO": 0.3}
    hull = Hull.of([Phase(Formula(formula), value, formula) for formula, value in values.items()])
    assert hull is not None
    assert [str(element) for element in hull.elements] == ["Li", "H", "O"]
    assert hull.place(Formula("O")) == pytest.approx((0.5, sqrt(3) / 2))
    assert len(hull.diagram.facets) == 2
    assert [phase.text for phase in hull.stable()] == ["Li", "O", "H", "LiH"]


def test_a_missing_element_or_a_fourth_has_no_figure() -> None:
    assert Hull.of([Phase(Formula("Mg"), 0.0, ""), Phase(Formula("MgH2"), -1.0, "")]) is None
    assert Hull.of([Phase(Formula(name), 0.0, "") for name in ("Li", "Be", "B", "C")]) is None
    assert Hull.of([Phase(Formula("Mg"), 0.0, "")]) is None
