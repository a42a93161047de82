"""How a relaxation ended, and the frame that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import spglib
from ase import Atoms
from ase.units import GPa

from ..frames import bare, with_labels
from .geometry import reduced
from .ragged import Floats

Status = Literal["converged", "max_steps", "too_close", "nonfinite", "collapsed", "exploded", "failed"]

SYMPRECS = (0.05, 0.01)
"""angstrom, the first at which spglib finds a space group counts; tolerant, because forces of ``fmax`` leave soft modes
unfinished, and no more than this, because R3m of H3S lies 0.1 angstrom from Im-3m."""
RESULT_KEYS = ("status", "reason", "pressure", "enthalpy", "steps", "spacegroup")


@dataclass(frozen=True)
class Outcome:
    """The end of one structure: its last sane geometry, with labels (eV, angstrom) where it was evaluated."""

    status: Status
    reason: str
    steps: int
    positions: Floats
    cell: Floats
    energy: float | None = None
    forces: Floats | None = None
    stress: Floats | None = None

    @property
    def good(self) -> bool:
        """Whether the frame carries labels."""
        return self.status in ("converged", "max_steps")


def spacegroup(frame: Atoms) -> str:
    """International symbol by spglib at :data:`SYMPRECS`; P1 where spglib finds nothing."""
    cell = (frame.cell.array, frame.get_scaled_positions(), frame.numbers)
    for symprec in SYMPRECS:
        dataset = spglib.get_symmetry_dataset(cell, symprec=symprec)
        if dataset is not None:
            return str(dataset.international)
    return "P1"


def finished(frame: Atoms, outcome: Outcome, pressure: float) -> Atoms:
    """The frame of the engine's contract: ``frame`` with its info, the outcome's geometry, status and labels.

    The cell is right-handed and Minkowski-reduced and the positions are wrapped; nothing is rotated, so that forces
    and stress stay as they are.

    :param pressure: GPa
    """
    end = bare(frame)
    for key in RESULT_KEYS:
        end.info.pop(key, None)
    end.info["status"] = outcome.status
    if outcome.reason:
        end.info["reason"] = outcome.reason
    end.set_cell(outcome.cell)
    end.set_positions(outcome.positions)
    if not outcome.good:
        return end
    assert outcome.energy is not None and outcome.forces is not None
    end.set_cell(reduced(outcome.cell))
    end.wrap()
    enthalpy = (outcome.energy + pressure * GPa * end.get_volume()) / len(end)
    return with_labels(
        end,
        outcome.energy,
        outcome.forces,
        np.asarray(outcome.stress),
        pressure=float(pressure),
        enthalpy=float(enthalpy),
        steps=outcome.steps,
        spacegroup=spacegroup(end),
    )
