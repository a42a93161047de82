"""One stage: populations until the free energy, and then the cell, have converged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase.units import GPa
from numpy.typing import NDArray
from sscha.Ensemble import Bohr, Ensemble, Rydberg
from sscha.SchaMinimizer import SSCHA_Minimizer

from ..potentials.base import Potential
from .cell import CellSteps, static_stiffness
from .dynamics import Phonons, highest_frequency, raise_floor, to_atoms
from .ensemble import draw, evaluate, measure
from .evaluation import static_energy
from .lattice import spacegroup
from .progress import Progress
from .reports import Population
from .settings import Minimisation, SschaSettings, Stage

LOG = logging.getLogger(__name__)
SIGNIFICANT_EXCESS = 2 * 2**0.5  # two standard errors, and the pairs of an ensemble are not independent
LARGEST_VOLUME_CHANGE = 2.0
REPRESENTATIVE = 0.8
"""Kong-Liu ratio down to which an ensemble still tells of the state that it led to."""


class StageError(RuntimeError):
    """An attempt that cannot go on: the next one tries other settings."""


@dataclass(frozen=True)
class StageOutcome:
    """Where a stage ended: its matrices, its first stress and last population, why it stopped and what it cost."""

    phonons: Phonons
    stress_initial: NDArray[np.float64]
    population: Population
    converged: bool
    reason: str
    n_evaluations: int


def minimise_stage(
    phonons: Phonons,
    stage: Stage,
    settings: SschaSettings,
    minimisation: Minimisation,
    potential: Potential,
    after_population: Callable[[Phonons, Progress], None] = lambda *_: None,
    progress: Progress | None = None,
) -> StageOutcome:
    """Minimise the free energy in one supercell, first at a fixed cell, then with the cell at the target pressure.

    Every population is a fresh ensemble of pairs; the cell moves once the matrices have converged within one, and
    does not move after the last, so that matrices and ensemble agree. One ensemble may be led far astray by its own
    noise and converge there: a population is the last only if its weights have stayed even, or if an earlier one has
    converged too.

    :param phonons: starting matrices on the stage's supercell
    :param after_population: called after each population that is not the last, with the matrices and the cell to go
        on from and how far the stage has come
    :param progress: that of a stage that was cut off at these matrices and goes on from them
    :raises StageError: no positive definite matrix is found, a minimisation comes to no end, or the cell runs away
    :raises EvaluationError: the potential refuses a configuration
    """
    phonons = phonons.Copy()
    if progress is None:
        progress = Progress(first_volume=phonons.structure.get_volume())
        raised = raise_floor(phonons, minimisation.frequency_floor)
        if raised:
            LOG.info("%s: %d modes of the start raised to the floor", stage, raised)
    reference = static_energy(to_atoms(phonons.structure), potential)
    cell, n_evaluations = None, 1
    if not settings.fixed_cell:
        cell, n_evaluations = CellSteps(static_stiffness(phonons, potential), minimisation.largest_strain), 13
    n_evaluations += progress.n_evaluations
    stress_initial, minimised = np.array(progress.stress_initial), progress.minimised
    again = () if minimisation.attempt == 1 else (minimisation.attempt,)
    for number in range(progress.populations + 1, minimisation.max_populations + 1):
        seed = (settings.seed, *stage.supercell, stage.configurations, number, *again)
        ensemble = draw(phonons, settings.temperature, stage.configurations, seed, paired=True)
        evaluate(ensemble, potential, reference)
        n_evaluations += stage.configurations
        if number == 1:
            stress_initial = measure(ensemble, reference, paired=True).stress
        minimiser = run_minimiser(ensemble, minimisation)
        phonons = minimiser.dyn.Copy()
        excess, error = _excess(minimiser, settings.pressure)
        allowed = np.maximum(SIGNIFICANT_EXCESS * error, minimisation.pressure_tolerance * GPa)
        at_pressure = settings.fixed_cell or bool(np.all(np.abs(excess) <= allowed))
        measurement = measure(ensemble, reference, paired=True)
        converged = minimiser.is_converged()
        confirmed = converged and (minimised or measurement.kong_liu_ratio >= REPRESENTATIVE)
        minimised = minimised or converged
        population = Population(
            number=number,
            measurement=measurement,
            gradient_over_error=minimiser.__gc__[-1] / max(minimiser.__gc_err__[-1], 1e-300),
            excess_over_error=float(np.max(np.abs(excess) / allowed)),
            minimised=confirmed,
            finished=confirmed and at_pressure,
            steps=len(minimiser.__gc__),
        )
        _report(stage, population, phonons, settings)
        if population.finished:
            return StageOutcome(phonons, stress_initial, population, True, "", n_evaluations)
        if number == minimisation.max_populations:
            break
        if minimised and cell is not None:
            cell.move(phonons, excess, error)
            change = phonons.structure.get_volume() / progress.first_volume
            if not 1 / LARGEST_VOLUME_CHANGE < change < LARGEST_VOLUME_CHANGE:
                raise StageError(f"the cell runs away: {change:.2f} times its volume at the start of the stage")
        so_far = Progress(progress.first_volume, number, minimised, n_evaluations, stress_initial.tolist())
        after_population(phonons, so_far)
    missing = "the free energy" if not population.minimised else "the pressure"
    reason = f"{missing} has not converged after {minimisation.max_populations} populations of stage {stage}"
    return StageOutcome(phonons, stress_initial, population, False, reason, n_evaluations)


def run_minimiser(ensemble: Ensemble, minimisation: Minimisation) -> SSCHA_Minimizer:
    """Minimise the free energy on one evaluated ensemble, at a fixed cell, until it is used up or converged.

    Where the gradient is large beyond all measure, python-sscha's line search cuts its step to nothing and grows it
    again for ever: so the steps are counted.

    :raises StageError: python-sscha finds no positive definite matrix, or comes to no end
    """
    minimiser = SSCHA_Minimizer(
        ensemble,
        root_representation=minimisation.root_representation,
        kong_liu_ratio=minimisation.kong_liu_ratio,
        meaningful_factor=minimisation.gradient_factor,
    )
    minimiser.set_minimization_step(minimisation.step)
    minimiser.max_ka = minimisation.max_steps
    minimiser.precond_dyn = minimisation.root_representation == "normal"
    try:
        minimiser.init()
        minimiser.run()
    except (ValueError, np.linalg.LinAlgError, AssertionError) as error:
        raise StageError(f"python-sscha gave up: {' '.join(str(error).split())[:200]}") from error
    if len(minimiser.__gc__) >= minimisation.max_steps and not minimiser.is_converged():
        raise StageError(f"python-sscha came to no end in {minimisation.max_steps} steps on one ensemble")
    if not np.isfinite(highest_frequency(minimiser.dyn)):
        raise StageError("the dynamical matrices are not finite")
    return minimiser


def _excess(minimiser: SSCHA_Minimizer, pressure: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    stress, error = minimiser.get_stress_tensor()
    unit = Rydberg / Bohr**3
    return np.array(stress) * unit - pressure * GPa * np.eye(3), np.array(error) * unit


def _report(stage: Stage, population: Population, phonons: Phonons, settings: SschaSettings) -> None:
    measurement = population.measurement
    gibbs = measurement.gibbs_free_energy(settings.pressure)
    LOG.info(
        "%s population %d: %d steps, G = %.5f +- %.5f eV/atom, gradient/error %.2f, Kong-Liu %.2f, "
        "P = %.2f +- %.2f GPa, %s%s",
        stage,
        population.number,
        population.steps,
        gibbs.value,
        gibbs.error,
        population.gradient_over_error,
        measurement.kong_liu_ratio,
        measurement.pressure.value,
        measurement.pressure.error,
        spacegroup(to_atoms(phonons.structure), settings.symmetry_tolerance),
        ", converged" if population.finished else "",
    )
