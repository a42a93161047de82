"""What a worker does: check, minimise one stage, audit. State is handed on through folders."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ase import Atoms

from ..errors import InputError
from ..potentials.base import Potential
from .audit import audit
from .dynamics import (
    Phonons,
    frequencies_gamma,
    harmonic,
    interpolate,
    load,
    load_temperature,
    modes_below,
    save,
    to_atoms,
    to_structure,
)
from .evaluation import EvaluationError, static_energy
from .hessian import band_path, describe, free_energy_hessian
from .lattice import spacegroup
from .minimise import minimise_stage
from .qualification import examine
from .reports import AuditReport, Examination, Point, StageReport
from .settings import Minimisation, SschaSettings, Stage

LOG = logging.getLogger(__name__)


def check_potential(potential: Potential, atoms: Atoms) -> None:
    """Refuse a potential that lacks a species and a structure it cannot evaluate.

    :raises InputError: naming the potential or the structure
    """
    species = sorted(set(atoms.symbols))
    unknown = [] if potential.elements is None else [name for name in species if name not in potential.elements]
    if unknown:
        raise InputError(
            "--potential", f"it does not know {', '.join(unknown)}", f"use a potential for {', '.join(species)}"
        )
    try:
        static_energy(atoms, potential)
    except EvaluationError as error:
        raise InputError("STRUCTURE", str(error), "give a structure the potential can evaluate") from error


def run_stage(
    potential: Potential,
    start: Atoms | Path,
    stage: Stage,
    settings: SschaSettings,
    minimisation: Minimisation,
    folder: Path,
) -> StageReport:
    """Minimise one stage from a structure (harmonically) or from a folder, and save where it ended in ``folder``.

    :raises StageError: another attempt should use other settings
    :raises EvaluationError: the potential refuses a configuration
    """
    phonons = _starting_matrices(potential, start, stage, minimisation.frequency_floor)
    outcome = minimise_stage(phonons, stage, settings, minimisation, potential)
    save(outcome.phonons, folder, settings.temperature)
    return StageReport(
        population=outcome.population,
        stress_initial=outcome.stress_initial,
        converged=outcome.converged,
        reason=outcome.reason,
        n_evaluations=outcome.n_evaluations,
        point=_point(outcome.phonons, settings),
    )


def run_audit(potential: Potential, start: Path, stage: Stage, settings: SschaSettings, folder: Path) -> AuditReport:
    """Audit the matrices in a folder, see :func:`audit`; the audited structure and matrices go into ``folder``.

    :raises InputError: the matrices belong to another supercell
    :raises EvaluationError: the potential refuses a configuration
    """
    phonons = load(start)
    supercell = tuple(phonons.GetSupercell())
    if supercell != stage.supercell:
        raise InputError(
            "--stages",
            f"{stage} is to be audited but the matrices are those of {'x'.join(map(str, supercell))}",
            "audit the supercell they were minimised in",
        )
    if start != folder:
        save(phonons, folder, settings.temperature)
    outcome = audit(phonons, stage, settings, potential, folder)
    return AuditReport(outcome=outcome, unrest=outcome.at_rest(settings), point=_point(phonons, settings))


def run_hessian(
    potential: Potential, start: Path, configurations: int, seed: int, path: str | None, folder: Path
) -> dict[str, Any]:
    """Hessian of the point in a folder: its matrices go to ``folder``, what describes them is returned.

    :raises InputError: the folder is incomplete, or the path names unknown points
    :raises EvaluationError: the potential refuses a configuration
    """
    phonons, temperature = load(start, "SSCHA_OUTDIR"), load_temperature(start, "SSCHA_OUTDIR")
    check_potential(potential, to_atoms(phonons.structure))
    bands = None if path is None else band_path(phonons, path)
    hessian = free_energy_hessian(phonons, temperature, configurations, seed, potential)
    save(hessian, folder, temperature)
    return {"temperature": temperature, "configurations": configurations} | describe(phonons, hessian, potential, bands)


def run_examination(potential: Potential, atoms: Atoms, pressure: float, number: int, seed: int) -> Examination:
    """See :func:`examine`."""
    return examine(potential, atoms, pressure, number, seed)


def _starting_matrices(potential: Potential, start: Atoms | Path, stage: Stage, floor: float) -> Phonons:
    if isinstance(start, Path):
        return interpolate(load(start), stage.supercell, potential, floor)
    phonons = harmonic(to_structure(start), stage.supercell, potential)
    LOG.info("%s: harmonic start, %d modes imaginary or below the floor", stage, modes_below(phonons, floor))
    return phonons


def _point(phonons: Phonons, settings: SschaSettings) -> Point:
    return Point(
        spacegroup=spacegroup(to_atoms(phonons.structure), settings.symmetry_tolerance),
        frequencies_gamma=frequencies_gamma(phonons),
    )
