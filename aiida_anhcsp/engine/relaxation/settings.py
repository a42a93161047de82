"""What a relaxation is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import InputError

Method = Literal["fire", "lbfgs"]


@dataclass(frozen=True)
class RelaxSettings:
    """Settings of :func:`~aiida_anhcsp.engine.relaxation.relax`.

    ``fmax`` (eV/angstrom) is the criterion of ASE's FrechetCellFilter at the final cell: the largest row norm of
    the forces and of the enthalpy's virial divided by the number of atoms. ``max_steps`` bounds the moves of one
    structure. ``batch_atoms`` bounds the atoms in flight at once (one larger cell travels alone). ``method`` is the
    optimiser: LBFGS over a model Hessian needs the fewest evaluations, by measurement (benchmarks/relaxation).
    ``keep_symmetry`` imposes the start's space group (found at 0.001 angstrom) on forces and stress.

    :raises InputError: a value is out of range.
    """

    fmax: float = 0.01
    max_steps: int = 500
    batch_atoms: int = 64
    method: Method = "lbfgs"
    keep_symmetry: bool = False

    def __post_init__(self) -> None:
        if not self.fmax > 0:
            raise InputError("--fmax", f"{self.fmax} eV/angstrom is not positive", "give for example 0.01")
        if self.max_steps < 1:
            raise InputError("--max-steps", f"{self.max_steps} is less than 1", "give for example 500")
        if self.batch_atoms < 1:
            raise InputError("--batch-atoms", f"{self.batch_atoms} is less than 1", "give for example 64")
