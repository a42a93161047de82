"""One population of SSCHA on labels that were made elsewhere, such as by DFT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import GPa

from ..errors import InputError
from ..frames import labels_of
from ..potentials.base import Potential
from .cell import CellSteps, static_stiffness
from .dynamics import Phonons, frequencies_gamma, to_atoms
from .lattice import spacegroup
from .reminimise import Reminimised, reminimise
from .settings import SYMMETRY_TOLERANCE, Minimisation

SIGNIFICANT = 3.0


@dataclass(frozen=True)
class StepOutcome:
    """Where the step led, what the configurations say of where it began, and why that was no minimum, if not."""

    phonons: Phonons
    population: Reminimised
    reason: str


def step(
    phonons: Phonons,
    temperature: float,
    frames: Sequence[Atoms],
    pressure: float,
    fixed_cell: bool,
    model: Potential,
) -> StepOutcome:
    """Measure a point with labelled configurations, minimise on them, and move the cell towards the pressure.

    The configurations are fresh and independent, so that the measurement of where the step begins is an audit: once
    minimising gains less than the error of the free energy and the pressure is the target within three of its errors,
    that point was the minimum and its measurement is the result.

    :param temperature: K, that the configurations were drawn at
    :param frames: configurations with energy, forces and stress of the reference
    :param pressure: target, GPa
    :param model: a potential near the reference, whose static stiffness scales the cell's step
    :raises InputError: a frame is no configuration of the matrices' supercell, or lacks forces or stress
    :raises StageError: python-sscha finds no positive definite matrix
    """
    for frame in frames:
        if "stress" not in labels_of(frame):
            raise InputError("LABELS", f"frame {frame.info.get('id', '(none)')} has no stress", "label stresses too")
    population = reminimise(phonons, temperature, frames)
    reason = _unrest(population, pressure, fixed_cell)
    moved = population.phonons.Copy()
    if not fixed_cell:
        cell = CellSteps(static_stiffness(phonons, model), Minimisation().largest_strain)
        excess = (-population.after.stress - pressure * np.eye(3)) * GPa
        cell.move(moved, excess, np.full((3, 3), population.after.pressure.error * GPa))
    return StepOutcome(moved, population, reason)


def describe_step(start: Phonons, outcome: StepOutcome, pressure: float) -> dict[str, Any]:
    """Result document: the audited point the step began at, and what minimising gained."""
    measured = outcome.population.before
    gibbs, atoms = measured.gibbs_free_energy(pressure), to_atoms(start.structure)
    symbol = spacegroup(atoms, SYMMETRY_TOLERANCE)
    document = {
        "converged": not outcome.reason,
        "source": "audit",
        "pressure_target": pressure,
        "n_atoms": measured.n_atoms,
        "free_energy": measured.free_energy.value,
        "free_energy_error": measured.free_energy.error,
        "gibbs_free_energy": gibbs.value,
        "gibbs_free_energy_error": gibbs.error,
        "pressure": measured.pressure.value,
        "pressure_error": measured.pressure.error,
        "stress": measured.stress.tolist(),
        "volume": measured.volume,
        "spacegroup_initial": symbol,
        "spacegroup_final": symbol,
        "auxiliary_frequencies_gamma": frequencies_gamma(start),
        "gain": outcome.population.gain,
        "kong_liu_ratio": outcome.population.after.kong_liu_ratio,
    }
    return document | ({"reason": outcome.reason} if outcome.reason else {})


def _unrest(population: Reminimised, pressure: float, fixed_cell: bool) -> str:
    error = population.before.free_energy.error
    if -population.gain > error:
        return (
            f"minimising still gains {-1000 * population.gain:.1f} meV, more than the error of {1000 * error:.1f} meV"
        )
    measured = population.before.pressure
    allowed = max(SIGNIFICANT * measured.error, Minimisation().pressure_tolerance)
    if not fixed_cell and abs(measured.value - pressure) > allowed:
        return f"the pressure is {measured.value:.2f} +- {measured.error:.2f} GPa instead of {pressure} GPa"
    return ""
