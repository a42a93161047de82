"""What the worker process reports; light to import, so that the supervising process stays light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import GPa
from numpy.typing import NDArray

from .settings import SschaSettings

SIGNIFICANT = 5.0  # the stage stops within two of its own standard errors, and the audit has three of its own

SOFTEST = 10.0
"""GPa; a bulk modulus that crystals rarely fall below."""
JUMP = 4.0
"""Combined standard errors between stage and audit: minimising alone biases a stage by one or two of them."""
JUMP_TOLERANCE = 1e-3
"""eV/atom"""


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, values: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> Estimate:
        """Of independent values, shape (n,), n > 1, with weights of importance sampling if they have any."""
        weights = np.ones(len(values)) if weights is None else weights
        mean = float(np.average(values, weights=weights))
        spread = float(np.sum((weights * (values - mean)) ** 2)) / float(np.sum(weights)) ** 2
        return cls(mean, float(np.sqrt(spread * len(values) / (len(values) - 1))))


@dataclass(frozen=True)
class Measurement:
    """What an ensemble says: F and its error in eV per primitive cell, pressures in GPa, volume in angstrom^3.

    ``stress`` is the quantum stress, shape (3, 3), GPa, ASE's sign: negative under compression.
    """

    free_energy: Estimate
    pressure: Estimate
    stress: NDArray[np.float64]
    volume: float
    n_atoms: int
    kong_liu_ratio: float

    def gibbs_free_energy(self, pressure: float) -> Estimate:
        """G = (F + P V)/n at a target pressure (GPa), eV/atom."""
        return Estimate(
            (self.free_energy.value + pressure * GPa * self.volume) / self.n_atoms,
            self.free_energy.error / self.n_atoms,
        )


@dataclass(frozen=True)
class Population:
    """State after one population; ``gradient_over_error`` of the matrices, ``excess`` over its error for the cell."""

    number: int
    measurement: Measurement
    gradient_over_error: float
    excess_over_error: float
    minimised: bool
    finished: bool
    steps: int


@dataclass(frozen=True)
class AuditOutcome:
    """``force`` is the largest residual force on a centroid with its error, eV/angstrom; ``finite_size`` as there."""

    measurement: Measurement
    force: Estimate
    n_evaluations: int
    finite_size: dict[str, Any] = field(default_factory=dict)

    def gain_of_relaxing(self, pressure: float) -> float:
        """How far G of the cell (eV) can lie above its minimum at a pressure (GPa): V (P - P0)^2 / 2B.

        The bulk modulus B is at least the pressure, and 10 GPa.
        """
        excess = self.measurement.pressure.value - pressure
        return self.measurement.volume * excess**2 / (2 * max(pressure, SOFTEST)) * GPa

    def at_rest(self, settings: SschaSettings) -> str:
        """Why this is no minimum at the target pressure, within the errors of stage and audit; empty if it is one."""
        pressure = self.measurement.pressure
        allowed = SIGNIFICANT * pressure.error + settings.minimisation.pressure_tolerance
        matters = self.gain_of_relaxing(settings.pressure) > self.measurement.free_energy.error
        if not settings.fixed_cell and abs(pressure.value - settings.pressure) > allowed and matters:
            return (
                f"the audit finds {pressure.value:.2f} +- {pressure.error:.2f} GPa instead of {settings.pressure} GPa"
            )
        if self.force.value > SIGNIFICANT * self.force.error + 1e-3:
            return f"the audit finds a force of {self.force.value:.3f} +- {self.force.error:.3f} eV/angstrom"
        return ""


@dataclass(frozen=True)
class Point:
    """What a folder's structure and matrices are; frequencies at Gamma in cm^-1."""

    spacegroup: str
    frequencies_gamma: list[float]


@dataclass(frozen=True)
class StageReport:
    """How a stage went and where it ended; ``stress_initial`` is that of its first population (GPa, ASE's sign)."""

    population: Population
    stress_initial: NDArray[np.float64]
    converged: bool
    reason: str
    n_evaluations: int
    point: Point


@dataclass(frozen=True)
class AuditReport:
    """What the audit measured and where; ``unrest`` says why that is no minimum, empty if it is one."""

    outcome: AuditOutcome
    unrest: str
    point: Point


def jump(stage: Mapping[str, Any], audit: Mapping[str, Any]) -> str:
    """Why the free energy of an independent ensemble contradicts that of the stage it audits; empty if it does not.

    :param stage: ``gibbs_free_energy`` and ``gibbs_free_energy_error`` of the stage (eV/atom), ``audit`` those of the
        audit
    """
    key = "gibbs_free_energy"
    error = float(np.hypot(stage[f"{key}_error"], audit[f"{key}_error"]))
    difference = audit[key] - stage[key]
    if abs(difference) <= JUMP * error + JUMP_TOLERANCE:
        return ""
    return (
        f"the audit finds a G {1000 * difference:+.1f} meV/atom from the stage's, with an error of {1000 * error:.1f}"
    )


def between_stages(entries: list[dict[str, Any]]) -> float | None:
    """Difference of G (eV/atom) between the last supercell and the one before it; None where there is only one.

    :param entries: ``supercell`` and ``gibbs_free_energy`` of the stages, in order
    """
    last = entries[-1] if entries else {}
    other = [entry for entry in entries if entry.get("supercell") != last.get("supercell")]
    return last["gibbs_free_energy"] - other[-1]["gibbs_free_energy"] if other else None


@dataclass(frozen=True)
class Finding:
    """Outcome of one check: ``measured`` in words, ``reason`` why it did not pass (empty if it did)."""

    check: str
    measured: str
    reason: str = ""

    @property
    def passed(self) -> bool:
        return not self.reason

    def document(self) -> dict[str, Any]:
        """As the result document has it."""
        entry: dict[str, Any] = {"check": self.check, "passed": self.passed, "measured": self.measured}
        return entry | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True)
class Examination:
    """Findings, and the structure relaxed under pressure (None if it could not be)."""

    findings: list[Finding]
    relaxed: Atoms | None
