"""Structures of a search on their quantum anharmonic free energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from ..frames import bare
from ..sscha.q_density import missing_shift, shift_of
from .duplicates import find_duplicates
from .multiply import with_atoms
from .rank import is_relaxed
from .settings import DuplicateRule

CONVERGED, UPPER_BOUND, GIVEN_UP, FAILED = "converged", "upper_bound", "given_up", "failed"
"""What SSCHA came to, as ``info['sscha']`` has it: only the first two have a free energy, and are ranked."""

RESULT_KEYS = ("gibbs_free_energy", "gibbs_free_energy_error", "temperature", "spacegroup_final")
ADDED = ("finite_size_shift", "finite_size_error", "unmatched")


def followed_by(latest: Sequence[Atoms], earlier: Sequence[Atoms], rule: DuplicateRule) -> dict[str, str | None]:
    """Whose free energy each new structure takes: None where it is to be computed.

    What is the same structure at rest (by ``rule``) has the same free energy: the lowest of each kind is taken through
    SSCHA, unless one of an earlier generation was.

    :param latest: relaxed frames of the new generation
    :param earlier: those of the generations before, as they were relaxed at rest
    """
    relaxed = [frame for frame in latest if is_relaxed(frame)]
    before = {str(frame.info["id"]): frame for frame in earlier if is_relaxed(frame)}
    duplicates = find_duplicates([*before.values(), *relaxed], rule)
    known: dict[str, str] = {}
    for name in before:
        known.setdefault(duplicates.get(name, name), name)
    choice: dict[str, str | None] = {}
    for frame in relaxed:
        name = str(frame.info["id"])
        kind = duplicates.get(name, name)
        choice[name] = known.get(kind, None if kind == name else kind)
    return choice


def with_free_energy(frame: Atoms, result: Mapping[str, Any], structure: Atoms) -> Atoms:
    """The relaxed frame with its free energy, in the cell and at the centroids of SSCHA.

    What it was at rest stays in ``enthalpy`` and ``spacegroup``; the energy and forces of that point are left out.

    :param result: of the audit: ``gibbs_free_energy`` and its error (eV/atom), ``spacegroup_final``, ``converged``;
        where that is false the free energy is an upper bound
    :param structure: primitive cell with the centroids
    """
    quantum = with_atoms(structure, len(frame))
    state = CONVERGED if result["converged"] else UPPER_BOUND
    quantum.info = {**frame.info, **{key: result[key] for key in RESULT_KEYS}, "sscha": state}
    quantum.info |= {key: result[key] for key in (*ADDED, "reason") if key in result}
    return quantum


def at_common_density(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result of an SSCHA run with its free energy at the common density of q points.

    Structures of a search have supercells of all sizes, and which ones are to come is not known: each free energy gets
    its shift, whose error is added in quadrature. ``finite_size_shift`` and ``finite_size_error`` (eV/atom) are what
    was added, ``unmatched`` why nothing could be.

    :param result: of the audit
    """
    shift, carried = shift_of(result), dict(result)
    if shift is None:
        return carried | {"unmatched": missing_shift(result)}
    carried["gibbs_free_energy"] += shift.value
    carried["gibbs_free_energy_error"] = float(np.hypot(carried["gibbs_free_energy_error"], shift.error))
    return carried | {"finite_size_shift": shift.value, "finite_size_error": shift.error}


def without_free_energy(frame: Atoms, state: str, reason: str) -> Atoms:
    """The relaxed frame with the reason why it has no free energy (``given_up`` or ``failed``)."""
    copy = frame.copy()
    copy.calc = frame.calc
    copy.info.update(sscha=state, reason=reason)
    return copy


def sharing(frame: Atoms, other: Atoms) -> Atoms:
    """The frame with what SSCHA came to for ``other``, which is the same structure at rest."""
    keys = (*RESULT_KEYS, *ADDED, "sscha", "reason")
    shared = bare(other) if "gibbs_free_energy" in other.info else frame.copy()
    shared.info = {**frame.info, **{key: other.info[key] for key in keys if key in other.info}}
    shared.info["free_energy_of"] = str(other.info["id"])
    return shared
