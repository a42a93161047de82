"""How much each label of a training counts: the lower its enthalpy, the more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from pymatgen.core import Composition as Formula

from ..frames import labelled_enthalpy
from ..search.hull import formula_of, heights_above
from .settings import Focus

OUT_OF_REACH = 100.0
"""eV/atom above every label: an element that was not labelled draws no line below what was."""


def heights_of(frames: Sequence[Atoms], pressure: float) -> NDArray[np.float64]:
    """Heights of labels above the lower hull of them all at a pressure, eV/atom, shape (n_frames,).

    Where an element has no label of its own, the hull ends at the compositions that have one.

    :param pressure: GPa
    """
    values = [(formula_of(frame), labelled_enthalpy(frame, pressure)) for frame in frames]
    labelled = {str(formula.elements[0]) for formula, _ in values if formula.is_element}
    absent = {str(element) for formula, _ in values for element in formula.elements} - labelled
    beyond = max(value for _, value in values) + OUT_OF_REACH
    return np.array(heights_above(values, [(Formula(element), beyond) for element in sorted(absent)]))


def shares_of(frames: Sequence[Atoms], focus: Focus | None) -> NDArray[np.float64]:
    """Factors of the frames in a loss, of mean 1, shape (n_frames,): all 1 without a focus.

    They go as (1 + h / height)^-2 with h the height above the hull, so that the errors allowed grow in proportion to
    h, as those do in the regression of Bernstein, Csanyi and Deringer (npj Comput. Mater. 5, 99 (2019)).
    """
    if focus is None or not frames:
        return np.ones(len(frames))
    shares = (1 + heights_of(frames, focus.pressure) / focus.height) ** -2
    return np.asarray(shares / shares.mean())
