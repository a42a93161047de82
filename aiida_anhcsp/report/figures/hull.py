"""Figures of the convex hull over two or three elements, with classical and with quantum ions."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from aiida.orm import ProcessNode
from ase import Atoms
from pymatgen.analysis.phase_diagram import PhaseDiagram
from pymatgen.core import Composition as Formula
from pymatgen.core import Element

from ...engine.errors import InputError
from ...engine.search.hull import ON_HULL, formula_of, hull_of
from ...engine.search.settings import HULL_DISTANCE
from ..searches import settings_of, title_of
from .panel import Panel, Series
from .search import describe

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Phase:
    """A point of the figure: ``value`` and ``error`` in eV/atom, ``text`` for the pointer."""

    formula: Formula
    value: float
    text: str
    error: float = 0.0


@dataclass(frozen=True)
class Hull:
    """Phases and the lower hull that they span."""

    phases: Sequence[Phase]
    diagram: PhaseDiagram

    @classmethod
    def of(cls, phases: Sequence[Phase]) -> Hull | None:
        """None where an element has no phase, or where there are fewer than two elements or more than three."""
        if not phases:
            return None
        try:
            diagram = hull_of([(phase.formula, phase.value) for phase in phases])
        except InputError:
            return None
        return cls(phases, diagram) if len(diagram.elements) in (2, 3) else None

    @property
    def elements(self) -> list[Element]:
        """Corners of the figure, in the order of the electronegativities."""
        return sorted(self.diagram.elements)

    def height(self, phase: Phase) -> float:
        """Distance above the hull, eV/atom."""
        return max(0.0, phase.value - float(self.diagram.get_hull_energy_per_atom(phase.formula)))

    def formation(self, phase: Phase) -> float:
        """Value relative to the elements, eV/atom."""
        fractions = phase.formula.fractional_composition
        references = {element: self.diagram.el_refs[element].energy_per_atom for element in self.elements}
        return phase.value - float(sum(fractions[element] * references[element] for element in self.elements))

    def stable(self) -> list[Phase]:
        """The phases on the hull."""
        return [phase for phase in self.phases if self.height(phase) < ON_HULL]

    def place(self, formula: Formula) -> tuple[float, float]:
        """Of two elements the fraction of the second, and 0; of three the place in the triangle."""
        fractions = formula.fractional_composition
        rest = [float(fractions[element]) for element in self.elements[1:]]
        return (rest[0], 0.0) if len(rest) == 1 else (rest[0] + rest[1] / 2, rest[1] * sqrt(3) / 2)


def classical_hull_panel(search: ProcessNode, key: str = "hull") -> Panel | None:
    """Hull of the enthalpies at the end of a search over compositions."""
    if settings_of(search).ranked_by != HULL_DISTANCE or "population" not in search.outputs:
        return None
    frames = [frame for frame in search.outputs.population.get_frames() if "enthalpy" in frame.info]
    hull = Hull.of([_phase_of(frame) for frame in frames])
    if hull is None:
        return None
    return _panel(
        hull, key, f"Hull of enthalpies: {title_of(search)}", "formation enthalpy (eV/atom)", "Classical ions."
    )


def quantum_hull_panels(rows: Sequence[Row], key: str = "quantum_hull") -> list[Panel]:
    """Hull of the free energies at each pressure and temperature of a ranking over compositions, with its errors.

    The hull of the enthalpies of the same structures is dashed.

    :param rows: of a ranking by distance from the Gibbs hull, in its order
    """
    panels = []
    for (pressure, temperature), members in itertools.groupby(
        rows, key=lambda row: (row["pressure"], row.get("temperature", 0.0))
    ):
        phases = [row for row in members if "hull_distance" in row and "merged_into" not in row]
        hull = Hull.of([_quantum_phase(row) for row in phases])
        if hull is None:
            continue
        classical = Hull.of([Phase(Formula(row["formula"]), float(row["enthalpy"]), "") for row in phases])
        place = f"{key}_{pressure:g}GPa_{temperature:g}K".replace(".", "_")
        title = f"Hull of free energies: {pressure:g} GPa, {temperature:g} K"
        note = "Quantum anharmonic ions, with their errors; dashed: the same structures with classical ions."
        panels.append(_panel(hull, place, title, "formation free energy (eV/atom)", note, classical))
    return panels


def _panel(hull: Hull, key: str, title: str, label: str, note: str, other: Hull | None = None) -> Panel:
    names = [str(element) for element in hull.elements]
    lines = [*_lines(hull, "hull", 1), *(_lines(other, "hull, classical ions", 2) if other is not None else [])]
    if len(names) == 2:
        ticks = {step / 4: f"{step / 4:g}" for step in range(5)}
        return Panel(key, title, f"fraction of {names[1]}", label, [*lines, *_points(hull)], note, ticks=ticks)
    corners = {0.0: names[0], 0.5: names[2], 1.0: names[1]}
    note = f"{note} {names[2]} is the upper corner; lines join what coexists."
    return Panel(key, title, "", "", [*lines, *_points(hull)], note, ticks=corners)


def _points(hull: Hull) -> list[Series]:
    groups = {"on the hull": hull.stable(), "above": [phase for phase in hull.phases if hull.height(phase) >= ON_HULL]}
    series = []
    for color, (name, phases) in zip((1, 0), groups.items(), strict=True):
        if phases:
            places = [hull.place(phase.formula) for phase in phases]
            flat = len(hull.elements) == 2
            series.append(
                Series(
                    name,
                    [x for x, _ in places],
                    [hull.formation(phase) for phase in phases] if flat else [y for _, y in places],
                    texts=[f"{phase.text}<br>{1000 * hull.height(phase):.1f} meV/atom above" for phase in phases],
                    errors=[phase.error for phase in phases] if flat and any(phase.error for phase in phases) else (),
                    color=color,
                )
            )
    return series


def _lines(hull: Hull, name: str, color: int) -> list[Series]:
    dashed = color != 1
    if len(hull.elements) == 2:
        ends = sorted((hull.place(phase.formula)[0], hull.formation(phase)) for phase in hull.stable())
        return [Series(name, [x for x, _ in ends], [y for _, y in ends], "line", color=color, dashed=dashed)]
    series = []
    for number, facet in enumerate(hull.diagram.facets):
        corners = [hull.place(hull.diagram.qhull_entries[index].composition) for index in (*facet, facet[0])]
        x, y = zip(*corners, strict=True)
        series.append(Series(name, x, y, "line", color=color, dashed=dashed, legend=number == 0))
    return series


def _phase_of(frame: Atoms) -> Phase:
    return Phase(formula_of(frame), float(frame.info["enthalpy"]), describe(frame))


def _quantum_phase(row: Row) -> Phase:
    kind = "gibbs_free_energy_corrected" if "gibbs_free_energy_corrected" in row else "gibbs_free_energy"
    value, error = float(row[kind]), float(row[f"{kind}_error"])
    symmetry = f"{row.get('spacegroup_initial', '?')} → {row.get('spacegroup_final', '?')}"
    stable = f"on the hull with a probability of {row['stable']:.2f}"
    text = f"{row['id']}<br>{row['formula']}<br>{symmetry}<br>G = {value:.4f} +- {error:.4f} eV/atom<br>{stable}"
    return Phase(Formula(row["formula"]), value, text, error)
