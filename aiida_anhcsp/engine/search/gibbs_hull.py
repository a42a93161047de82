"""The hull of Gibbs free energies that carry statistical errors, as SSCHA gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Composition as Formula
from scipy.special import ndtr

from ..errors import InputError
from .early_stop import SIGNIFICANT
from .hull import hull_of

ON_HULL = 1e-9
"""eV/atom: what is closer to the hull is part of it, so that the hull of the others is another one."""


@dataclass(frozen=True)
class Phase:
    """A phase at one pressure and temperature: Gibbs free energy and its standard error, eV/atom."""

    name: str
    formula: str
    gibbs: float
    error: float

    @property
    def formula_alone(self) -> str | None:
        """The element, where the phase is one."""
        elements = Formula(self.formula).elements
        return elements[0].symbol if len(elements) == 1 else None


@dataclass(frozen=True)
class HullDistance:
    """Distance of a phase from the hull of all the others, eV/atom: negative where the phase is on the hull.

    ``value`` is that of the free energies as given, ``error`` the standard deviation under their errors, ``stable``
    the probability that the distance is not positive (normal with this mean and deviation).
    """

    name: str
    value: float
    error: float

    @property
    def stable(self) -> float:
        """Probability that the phase is on the hull."""
        if self.error == 0.0:
            return float(self.value <= 0.0)
        return float(ndtr(-self.value / self.error))


def gibbs_hull(phases: Sequence[Phase], draws: int = 500, *, seed: int) -> list[HullDistance]:
    """Distance of every phase from the hull of the others, with error bars.

    The errors are propagated by drawing all free energies anew from independent normal distributions, hull and phase
    together: which phases form the hull may differ from draw to draw. The only phase of an element is an end of the
    hull, with nothing to be compared with: its distance is 0, without error.

    :raises InputError: an element has no phase of its own, an error is negative, or two names are the same.
    """
    names = [phase.name for phase in phases]
    if len(set(names)) < len(names):
        raise InputError("phases", "two have the same name", "give each a name of its own")
    if any(not phase.error >= 0.0 for phase in phases):
        raise InputError("phases", "an error is negative or no number", "give standard errors in eV/atom")
    rng = np.random.default_rng(seed)
    formulas = [Formula(phase.formula) for phase in phases]
    gibbs = np.array([phase.gibbs for phase in phases])
    errors = np.array([phase.error for phase in phases])
    values = _distances(formulas, gibbs)
    spread = np.std([_distances(formulas, rng.normal(gibbs, errors)) for _ in range(draws)], axis=0, ddof=1)
    return [
        HullDistance(phase.name, float(value), float(deviation))
        for phase, value, deviation in zip(phases, values, spread, strict=True)
    ]


def reach(phases: Sequence[Phase], formula: str, draws: int = 500, *, seed: int) -> float | None:
    """Free energy (eV/atom) above which nothing of this formula can reach the hull of ``phases`` within its error.

    It is the height of the hull and three standard deviations of it, the free energies drawn anew as by
    :func:`gibbs_hull`.

    :return: None where an element of the formula has no phase
    """
    wanted = Formula(formula)
    if not {element.symbol for element in wanted} <= {phase.formula_alone for phase in phases}:
        return None
    rng = np.random.default_rng(seed)
    formulas = [Formula(phase.formula) for phase in phases]
    gibbs = np.array([phase.gibbs for phase in phases])
    drawn = [gibbs, *(rng.normal(gibbs, [phase.error for phase in phases]) for _ in range(draws))]
    heights = [
        float(hull_of(list(zip(formulas, map(float, values), strict=True)), "phases").get_hull_energy_per_atom(wanted))
        for values in drawn
    ]
    return heights[0] + SIGNIFICANT * float(np.std(heights[1:], ddof=1))


def _distances(formulas: Sequence[Formula], gibbs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the hull of the other phases, shape (n,); 0 for the only phase of an element."""
    every = list(zip(formulas, map(float, gibbs), strict=True))
    hull = hull_of(every, "phases")
    heights = [float(hull.get_hull_energy_per_atom(formula)) for formula in formulas]
    distances = np.zeros(len(every))
    for index, (formula, value) in enumerate(every):
        others = every[:index] + every[index + 1 :]
        if formula.is_element and not any(other.reduced_formula == formula.reduced_formula for other, _ in others):
            continue
        if value > heights[index] + ON_HULL:
            distances[index] = value - heights[index]
        else:
            distances[index] = value - hull_of(others, "phases").get_hull_energy_per_atom(formula)
    return distances
