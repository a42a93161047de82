"""The convex hull of formation over compositions, by pymatgen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from pymatgen.core import Composition as Formula

from ..errors import InputError

if TYPE_CHECKING:
    from pymatgen.analysis.phase_diagram import PhaseDiagram

ON_HULL = 1e-6
"""eV/atom: what lies lower above the hull is told as part of it."""


def hull_of(values: Sequence[tuple[Formula, float]], argument: str = "POPULATION") -> PhaseDiagram:
    """The lower hull of phases.

    :param values: composition of a phase and what it is worth in eV/atom (enthalpy or Gibbs free energy)
    :raises InputError: an element has no phase of its own.
    """
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram  # seconds of imports, for hulls only

    alone = {formula.elements[0] for formula, _ in values if formula.is_element}
    missing = sorted({str(element) for formula, _ in values for element in formula.elements if element not in alone})
    if missing:
        raise InputError(argument, f"no phase of {', '.join(missing)} alone, which the hull refers to", "add one")
    return PhaseDiagram([PDEntry(formula, value * formula.num_atoms) for formula, value in values])


def formula_of(frame: Atoms) -> Formula:
    """Composition of a frame."""
    return Formula(frame.get_chemical_formula())


def hull_distances(frames: Sequence[Atoms]) -> list[float]:
    """How far each frame's enthalpy lies above the hull of all of them, eV/atom; 0 on the hull.

    :param frames: relaxed frames with ``enthalpy`` (eV/atom)
    :raises InputError: an element has no phase of its own.
    """
    return heights_above([(formula_of(frame), float(frame.info["enthalpy"])) for frame in frames])


def heights_above(values: Sequence[tuple[Formula, float]], others: Sequence[tuple[Formula, float]] = ()) -> list[float]:
    """How far each of ``values`` (composition, eV/atom) lies above the hull of them and of ``others``, eV/atom.

    :raises InputError: an element has no phase of its own.
    """
    lowest: dict[str, tuple[Formula, float]] = {}
    for formula, value in [*values, *others]:
        name = formula.reduced_formula
        if name not in lowest or value < lowest[name][1]:
            lowest[name] = formula, value
    hull = hull_of(list(lowest.values()))
    heights = {name: hull.get_hull_energy_per_atom(formula) for name, (formula, _) in lowest.items()}
    return [max(0.0, value - heights[formula.reduced_formula]) for formula, value in values]


def hull_mean(frames: Sequence[Atoms], compositions: Sequence[Mapping[str, int]]) -> float:
    """Mean enthalpy of the hull over ``compositions`` (atoms of each element), eV/atom.

    One number for any number of elements, which falls whenever the hull moves and never rises; for a binary on an
    even grid it is, but for a constant, the area under the hull.

    :param frames: relaxed frames with ``enthalpy`` (eV/atom)
    :raises InputError: an element has no phase of its own.
    """
    hull = hull_of([(formula_of(frame), float(frame.info["enthalpy"])) for frame in frames])
    return float(np.mean([hull.get_hull_energy_per_atom(Formula(dict(counts))) for counts in compositions]))
