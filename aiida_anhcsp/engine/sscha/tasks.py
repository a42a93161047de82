"""What a worker does: check, minimise one stage, audit. State is handed on through folders."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ..children import leave_without_parent
from ..errors import InputError
from ..frames import read_frames, write_frames
from ..potentials.base import Potential
from .audit import audit, configurations_of
from .correction import pair_frames
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
from .hessian import band_path, check_memory, describe, free_energy_hessian
from .lattice import spacegroup
from .memory import available_memory
from .minimise import minimise_stage
from .progress import PROGRESS_FILE, Progress, take_over
from .qualification import examine
from .reminimise import correction_at_minimum
from .reports import AuditReport, Examination, Point, StageReport
from .settings import Minimisation, SschaSettings, Stage
from .step import describe_step, step

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


def tell_cutoff(potential: Potential) -> float | None:
    """Range of the potential, angstrom; None where it is unknown."""
    return potential.cutoff


def run_stage(
    potential: Potential,
    start: Atoms | Path,
    stage: Stage,
    settings: SschaSettings,
    minimisation: Minimisation,
    folder: Path,
    checkpoint: Path,
) -> StageReport:
    """Minimise one stage from a structure (harmonically) or from a folder, and save where it ended in ``folder``.

    A process that died in the stage has left its progress in ``folder``: the stage goes on from the checkpoint then.

    :param checkpoint: folder that gets the state after every population, for a run that is killed
    :raises StageError: another attempt should use other settings
    :raises EvaluationError: the potential refuses a configuration
    """

    def keep(state: Phonons, progress: Progress) -> None:
        leave_without_parent()
        save(state, checkpoint, settings.temperature)
        progress.write(folder)

    progress = take_over(folder)
    if progress is None:
        phonons = _starting_matrices(potential, start, stage, minimisation.frequency_floor)
    else:
        LOG.info("%s: goes on after population %d", stage, progress.populations)
        phonons = load(checkpoint)
    try:
        outcome = minimise_stage(phonons, stage, settings, minimisation, potential, keep, progress)
    finally:
        (folder / PROGRESS_FILE).unlink(missing_ok=True)
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
    potential: Potential,
    start: Path,
    configurations: int,
    seed: int,
    path: str | None,
    folder: Path,
    v4: bool,
    resamples: int,
) -> dict[str, Any]:
    """Hessian of the point in a folder: its matrices go to ``folder``, what describes them is returned.

    :raises InputError: the folder is incomplete, the path names unknown points, or the memory is too small
    :raises EvaluationError: the potential refuses a configuration
    """
    phonons, temperature = load(start, "SSCHA_OUTDIR"), load_temperature(start, "SSCHA_OUTDIR")
    check_potential(potential, to_atoms(phonons.structure))
    bands = None if path is None else band_path(phonons, path)
    check_memory(phonons.structure.N_atoms * int(np.prod(phonons.GetSupercell())), available_memory(), v4)
    outcome = free_energy_hessian(phonons, temperature, configurations, seed, potential, v4, resamples)
    save(outcome.phonons, folder, temperature)
    document = {"temperature": temperature, "configurations": configurations, "v4": v4}
    return document | describe(phonons, outcome, potential, bands)


def run_reminimisation(_: None, outdir: Path, labels: Path, folder: Path | None) -> dict[str, Any]:
    """Minimise the audited point in ``outdir`` again on labels of its audit frames: :func:`correction_at_minimum`.

    :param folder: where structure and matrices go, if anywhere
    :raises InputError: files are missing or do not belong together
    :raises StageError: python-sscha finds no positive definite matrix
    """
    frames = pair_frames(outdir, labels)
    phonons, temperature = load(outdir, "SSCHA_OUTDIR"), load_temperature(outdir, "SSCHA_OUTDIR")
    outcome, correction = correction_at_minimum(phonons, temperature, frames.reference, frames.model)
    if folder is not None:
        save(outcome.phonons, folder, temperature)
    return {
        "converged": outcome.converged,
        "free_energy_correction": correction.value,
        "free_energy_correction_error": correction.error,
        "kong_liu_ratio": outcome.after.kong_liu_ratio,
        "displacement": outcome.displacement,
        "auxiliary_frequencies_gamma": frequencies_gamma(outcome.phonons),
    }


def run_draw(_: None, start: Path, configurations: int, seed: int, out: Path) -> None:
    """Write fresh, independent configurations of the point in a folder, with ids ``a0000`` on.

    :raises InputError: the folder is incomplete
    """
    phonons, temperature = load(start, "SSCHA_OUTDIR"), load_temperature(start, "SSCHA_OUTDIR")
    write_frames(out, configurations_of(phonons, temperature, configurations, seed))


def run_step(
    potential: Potential, start: Path, labels: Path, pressure: float, fixed_cell: bool, folder: Path
) -> dict[str, Any]:
    """One population on labels that were made elsewhere, see :func:`step`; where it leads goes to ``folder``.

    :raises InputError: files are missing or do not belong together
    :raises StageError: python-sscha finds no positive definite matrix
    """
    phonons, temperature = load(start, "SSCHA_OUTDIR"), load_temperature(start, "SSCHA_OUTDIR")
    outcome = step(phonons, temperature, read_frames(labels, "LABELS"), pressure, fixed_cell, potential)
    save(outcome.phonons, folder, temperature)
    return {"temperature": temperature} | describe_step(phonons, outcome, pressure)


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
