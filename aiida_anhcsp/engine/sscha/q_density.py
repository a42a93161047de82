"""Free energies of supercells of different size at the same density of q points; light to import.

A supercell samples the Brillouin zone at as many q points as it holds primitive cells, so that the mean density of its
q points is its volume over (2 pi)^3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from .reports import Estimate

LARGEST_RATIO = 1.2
"""Of two densities that count as the same: phases of one supercell differ in volume by less."""


def q_density(result: Mapping[str, Any]) -> float | None:
    """Volume of the supercell of an SSCHA result (angstrom^3), None where it does not tell its supercell."""
    stages = result.get("stages", [])
    if not stages or "supercell" not in stages[-1] or "volume" not in result:
        return None
    return float(math.prod(stages[-1]["supercell"]) * result["volume"])


def differ(densities: Iterable[float | None]) -> bool:
    """Whether free energies at these densities do not compare; unknown ones are left out."""
    known = [density for density in densities if density is not None]
    return bool(known) and max(known) > LARGEST_RATIO * min(known)


def shift_of(result: Mapping[str, Any]) -> Estimate | None:
    """What carries the free energy to the common density, with its error, eV/atom; None where there is no such number.

    :param result: of an audit, see :func:`.finite_size.finite_size`
    """
    found = result.get("finite_size", {})
    if "shift" not in found or "shift_error" not in found:
        return None
    return Estimate(found["shift"] / result["n_atoms"], found["shift_error"] / result["n_atoms"])


def missing_shift(result: Mapping[str, Any]) -> str:
    """Why there is no such number."""
    imaginary = result.get("finite_size", {}).get("imaginary_modes")
    why = f"{imaginary} modes are imaginary on the denser mesh" if imaginary else "no audit told the shift"
    return f"not carried to the common density of q points: {why}"
