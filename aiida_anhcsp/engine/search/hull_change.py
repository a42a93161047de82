"""How far the convex hull has moved from one round of learning, or one generation, to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase import Atoms
from pymatgen.core import Composition as Formula

from ..errors import InputError
from .hull import formula_of, hull_of
from .rank import is_relaxed

if TYPE_CHECKING:
    from pymatgen.analysis.phase_diagram import PhaseDiagram


@dataclass(frozen=True)
class HullChange:
    """Compounds that came onto the hull and that left it, and how far the hull has moved at most, eV/atom.

    ``largest`` is that over the compositions of all phases of either hull, in energies of formation: what both hulls
    share, such as another zero of the energy for an element, is no motion.
    """

    came: tuple[str, ...]
    gone: tuple[str, ...]
    largest: float

    @property
    def text(self) -> str:
        """The change, to be read."""
        parts = [f"{', '.join(names)} {verb}" for names, verb in ((self.came, "new"), (self.gone, "gone")) if names]
        return ", ".join([*(parts or ["the same phases"]), f"moved by {1000 * self.largest:.1f} meV/atom at most"])


def hull_change(before: Sequence[Atoms], now: Sequence[Atoms]) -> HullChange:
    """The motion of the hull of enthalpies between two populations.

    :param before: and ``now``: frames of which those relaxed have an ``enthalpy`` (eV/atom)
    :raises InputError: an element has no phase of its own in one of them.
    """
    hulls = [_hull(frames) for frames in (before, now)]
    first, second = (set(map(str, hull.elements)) for hull in hulls)
    if first != second:
        lacking = ", ".join(sorted(first ^ second))
        raise InputError("POPULATION", f"only one of the hulls has {lacking}", "compare populations of one search")
    old, new = (_compounds(hull) for hull in hulls)
    moved = [abs(_of_formation(hulls[1], name) - _of_formation(hulls[0], name)) for name in old | new]
    return HullChange(tuple(sorted(new - old)), tuple(sorted(old - new)), max(moved, default=0.0))


def largest_fall(before: Sequence[Atoms], now: Sequence[Atoms]) -> float:
    """How far the hull of enthalpies has fallen where it fell most, elements included, eV/atom.

    That is at a phase of the hull of now: where this is linear, the hull before less it is convex, and greatest at an
    end. So the grid of compositions and their number do not matter.

    :param before: frames of which those relaxed have an ``enthalpy`` (eV/atom)
    :param now: the same frames and others
    :raises InputError: an element has no phase of its own in one of them.
    """
    old, new = _hull(before), _hull(now)
    phases = new.stable_entries
    return max(float(old.get_hull_energy_per_atom(each.composition)) - float(each.energy_per_atom) for each in phases)


def _hull(frames: Sequence[Atoms]) -> PhaseDiagram:
    return hull_of([(formula_of(frame), float(frame.info["enthalpy"])) for frame in frames if is_relaxed(frame)])


def _compounds(hull: PhaseDiagram) -> set[str]:
    formulas = [entry.composition for entry in hull.stable_entries]
    return {formula.reduced_formula for formula in formulas if not formula.is_element}


def _of_formation(hull: PhaseDiagram, name: str) -> float:
    """Energy of formation of the hull at a composition, eV/atom."""
    formula = Formula(name).fractional_composition
    elements = sum(share * hull.el_refs[element].energy_per_atom for element, share in formula.items())
    return float(hull.get_hull_energy_per_atom(formula)) - float(elements)
