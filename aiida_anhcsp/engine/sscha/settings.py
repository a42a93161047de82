"""What an SSCHA run is asked to do."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Literal

from ase import Atoms

from ..errors import InputError
from .lattice import automatic_supercells

AUTO = "auto:"
STRUCTURE_FILE = "structure.extxyz"
MATRICES_FOLDER = "dynamical_matrices"
Audit = Literal["also", "none", "only"]


SYMMETRY_TOLERANCE = 0.03
"""spglib's, angstrom, for structures that SSCHA is given and for those it gives."""
IMPOSED = 1e-5
"""angstrom, for the structure of a state: python-sscha finds the symmetries that it imposed on it at this tolerance."""


@dataclass(frozen=True)
class Stage:
    """One supercell (multiples of the primitive cell) and the configurations of each of its ensembles."""

    supercell: tuple[int, int, int]
    configurations: int

    @property
    def n_cells(self) -> int:
        return math.prod(self.supercell)

    def __str__(self) -> str:
        return "x".join(map(str, self.supercell)) + f":{self.configurations}"


def parse_stages(text: str, argument: str = "--stages") -> tuple[Stage, ...]:
    """Stages written as ``1x1x1:200,2x2x2:500``.

    :raises InputError: none given, not of that form, a supercell of zero, or an odd or too small ensemble.
    """
    stages = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"(\d+)x(\d+)x(\d+):(\d+)", item)
        if match is None:
            raise InputError(argument, f"{item!r} is no stage", "write SUPERCELL:CONFIGURATIONS, such as 2x2x2:500")
        first, second, third, configurations = (int(group) for group in match.groups())
        if min(first, second, third) < 1:
            raise InputError(argument, f"{item!r} has a supercell of zero", "use multiples of at least 1, as in 1x1x1")
        if configurations % 2:
            raise InputError(
                argument,
                f"{item!r} has an odd number of configurations (they come in pairs of opposite displacements)",
                f"use {configurations + 1}",
            )
        if configurations < 4:
            raise InputError(argument, f"{item!r} has too few configurations", "use at least 4, better 100")
        stages.append(Stage((first, second, third), configurations))
    if not stages:
        raise InputError(argument, "no stage given", "write at least one, such as 2x2x2:500")
    return tuple(stages)


def resolve_stages(
    text: str, atoms: Atoms, cutoff: float | None, tolerance: float, argument: str = "--stages"
) -> tuple[Stage, ...]:
    """Stages of which some may be written ``auto:200``: each takes the next automatic supercell, if there is one.

    :param atoms: primitive cell
    :param cutoff: range of the potential (angstrom), None where it is unknown
    :param tolerance: spglib's, angstrom
    :raises InputError: as :func:`parse_stages`, or auto with a potential of unknown range
    """
    items = [item.strip() for item in text.split(",") if item.strip()]
    if not any(item.startswith(AUTO) for item in items):
        return parse_stages(text, argument)
    parse_stages(text.replace(AUTO, "1x1x1:"), argument)
    if cutoff is None:
        raise InputError(argument, "auto needs the range of the potential, which is unknown", "write the supercells")
    supercells = iter(automatic_supercells(atoms, cutoff, tolerance))
    written = []
    for item in items:
        if not item.startswith(AUTO):
            written.append(item)
            continue
        supercell = next(supercells, None)
        if supercell is not None:
            written.append("x".join(map(str, supercell)) + ":" + item.removeprefix(AUTO))
    return parse_stages(",".join(written), argument)


@dataclass(frozen=True)
class Minimisation:
    """How a stage is minimised; the defaults suit cells of a few atoms and hundreds of configurations.

    ``gradient_factor``: a population has converged when the gradient is below this fraction of its own statistical
    error (the error of the minimum itself is one, so smaller values only cost steps); ``kong_liu_ratio``: the
    effective sample size, as a fraction, below which a new population is drawn; ``step`` and
    ``root_representation`` as in python-sscha; ``max_steps``: most steps on one ensemble, far more than any takes that
    comes to an end; ``frequency_floor``: lowest frequency of a starting matrix, as a
    fraction of the highest; ``pressure_tolerance`` (GPa) ends the cell relaxation where the stress has no noise;
    ``largest_strain`` bounds one step of the cell; ``attempt`` counts from 1, each with configurations of its own.
    """

    max_populations: int = 20
    gradient_factor: float = 0.2
    kong_liu_ratio: float = 0.5
    step: float = 0.5
    max_steps: int = 2000
    root_representation: Literal["normal", "sqrt"] = "normal"
    frequency_floor: float = 0.05
    pressure_tolerance: float = 0.02
    largest_strain: float = 0.03
    attempt: int = 1

    def retries(self) -> tuple[Minimisation, ...]:
        """What is tried when an attempt fails: smaller steps of matrices and cell, which are smaller still in the next.

        That one also minimises in the square root of the matrix, from a higher floor.
        """
        careful = replace(self, attempt=2, step=self.step / 5, largest_strain=self.largest_strain / 2)
        return (
            careful,
            replace(
                careful,
                attempt=3,
                largest_strain=self.largest_strain / 4,
                root_representation="sqrt",
                frequency_floor=4 * self.frequency_floor,
            ),
        )


@dataclass(frozen=True)
class SschaSettings:
    """Thermodynamic point, stages and what comes after them.

    ``pressure`` in GPa, ``temperature`` in K. With ``fixed_cell`` the cell is left as it is. ``audit`` is the fresh
    ensemble at the final point: ``also`` after the stages, ``none``, or ``only`` (the stages then say what to audit).
    ``symmetry_tolerance`` (angstrom) is spglib's, for the structure that is given.
    """

    pressure: float
    temperature: float
    stages: tuple[Stage, ...]
    seed: int
    fixed_cell: bool = False
    audit: Audit = "also"
    symmetry_tolerance: float = SYMMETRY_TOLERANCE
    minimisation: Minimisation = field(default_factory=Minimisation)

    def __post_init__(self) -> None:
        if not self.stages:
            raise InputError("--stages", "no stage given", "write at least one, such as 2x2x2:500")
        if not math.isfinite(self.temperature) or self.temperature < 0:
            raise InputError("--temperature", f"{self.temperature} K", "give zero or more kelvin")
        if not math.isfinite(self.pressure):
            raise InputError("--pressure", f"{self.pressure} GPa", "give a finite pressure")
        if self.audit == "only" and len(self.stages) != 1:
            raise InputError("--audit-only", "more than one stage given", "give the one stage that is to be audited")
