"""A whole SSCHA run: stages with retries, audit, and the files that describe the result."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from ase import Atoms

from ..errors import InputError
from .beginning import Beginning, begin
from .lattice import check_supercell, spacegroup
from .reports import Measurement, Point, StageReport, between_stages, jump
from .resume import Requests, begin_run, begin_stage, end_run, end_stage, finished_run, finished_stage
from .settings import (
    AUTO,
    Minimisation,
    SschaSettings,
    Stage,
    parse_stages,
    resolve_stages,
)
from .state import copy_state, drop_state
from .worker import PotentialChoice, Worker, WorkerError

LOG = logging.getLogger(__name__)
RESULT_FILE = "result.json"
LOG_FILE = "python-sscha.log"
STAGES_FOLDER = "stages"
DESCRIBED = (
    "free_energy",
    "free_energy_error",
    "gibbs_free_energy",
    "gibbs_free_energy_error",
    "pressure",
    "pressure_error",
    "stress",
    "volume",
    "spacegroup_final",
    "auxiliary_frequencies_gamma",
    "kong_liu_ratio",
)
"""What a result has of its last stage, and then of the audit."""


def run_sscha(
    structure: Path, outdir: Path, choice: PotentialChoice, settings: SschaSettings, start: Path | None = None
) -> dict[str, Any]:
    """Run the stages and the audit; what comes out is in ``outdir`` and, as ``result.json`` has it, returned.

    What the same run has left in ``outdir`` when it was killed, or had ended, is gone on from: stages that are done are
    not repeated, one that was interrupted goes on after its last population, and of a whole run the result is returned.

    A run that does not converge, or all of whose attempts fail, is a result with ``converged`` false and a ``reason``.

    :param start: folder with ``structure.extxyz`` and ``dynamical_matrices/`` of an earlier run to go on from
    :raises InputError: see the functions called
    """
    began = time.monotonic()
    beginning = begin(structure, start, settings.symmetry_tolerance)
    atoms, requests = beginning.atoms, Requests(beginning, choice, settings)
    done = finished_run(outdir, RESULT_FILE, requests.whole)
    if done is not None:
        LOG.info("%s holds the result of this run already", outdir)
        return done
    if settings.audit == "only" and beginning.state is None:
        raise InputError("--audit-only", "there is nothing to audit", "give the run to audit with --start")
    for stage in settings.stages:
        check_supercell(atoms, stage.supercell, beginning.tolerance)
    begin_run(outdir)
    failed = False
    result: dict[str, Any] = {
        "converged": False,
        "temperature": settings.temperature,
        "pressure_target": settings.pressure,
        "fixed_cell": settings.fixed_cell,
        "seed": settings.seed,
        "n_atoms": len(atoms),
        "n_atoms_given": beginning.n_atoms_given,
        "spacegroup_initial": spacegroup(atoms, settings.symmetry_tolerance),
        "n_evaluations": 0,
        "stages": [],
    }
    with Attempts(choice, outdir / LOG_FILE, settings.minimisation) as attempts:
        try:
            attempts.check(atoms)
            reason = _run(attempts, beginning, settings, requests, outdir, result)
        except WorkerError as failure:
            failed, reason = True, str(failure)
    result["converged"] = not reason
    if reason:
        result["reason"] = reason
        LOG.info("not converged: %s", reason)
    LOG.info("sscha: %d evaluations, %.1f s", result["n_evaluations"], time.monotonic() - began)
    (outdir / RESULT_FILE).write_text(json.dumps(result, indent=2) + "\n")
    if not failed:
        end_run(outdir, requests.whole)
    return result


def stages_of(
    structure: Path, text: str, choice: PotentialChoice, tolerance: float, outdir: Path, start: Path | None = None
) -> tuple[Stage, ...]:
    """Stages as written, automatic ones resolved for the structure and the range of the potential.

    :param start: as that of :func:`run_sscha`
    :raises InputError: see :func:`resolve_stages` and :func:`begin`
    """
    if AUTO not in text:
        return parse_stages(text)
    atoms = begin(structure, start, tolerance).atoms
    outdir.mkdir(parents=True, exist_ok=True)
    with Worker(choice, outdir / LOG_FILE) as worker:
        stages = resolve_stages(text, atoms, worker.run("tell_cutoff"), tolerance)
    LOG.info("stages %s", ", ".join(map(str, stages)))
    return stages


class Attempts:
    """A worker that is replaced by a fresh one when it fails, and the settings tried then."""

    def __init__(self, choice: PotentialChoice, log: Path, minimisation: Minimisation) -> None:
        self._choice, self._log = choice, log
        self._settings = (minimisation, *minimisation.retries())
        self._worker = Worker(choice, log)

    def check(self, atoms: Atoms) -> None:
        """Refuse bad input before anything long.

        :raises InputError: naming the potential or the structure
        :raises WorkerError: the process died
        """
        self._worker.run("check_potential", atoms)

    def run(self, what: str, task: str, arguments: Callable[[Minimisation], tuple[Any, ...]]) -> tuple[Any, int]:
        """Result of a task and the number of attempts it took.

        :raises WorkerError: the last attempt failed too
        """
        for number, minimisation in enumerate(self._settings, start=1):
            try:
                return self._worker.run(task, *arguments(minimisation)), number
            except WorkerError as failure:
                LOG.info("%s, attempt %d failed: %s", what, number, failure)
                last = failure
            if number < len(self._settings):
                self._worker.close()
                self._worker = Worker(self._choice, self._log)
        raise WorkerError(f"{what} failed {len(self._settings)} times, the last time: {last}")

    def __enter__(self) -> Attempts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()


def _run(
    attempts: Attempts,
    beginning: Beginning,
    settings: SschaSettings,
    requests: Requests,
    outdir: Path,
    result: dict[str, Any],
) -> str:
    """Stages and audit; why the result has not converged, empty if it has.

    :raises WorkerError: a stage or the audit failed for good
    """
    if settings.audit == "only" and beginning.state is not None:
        return _run_audit(attempts, beginning.state, settings, outdir, result)
    reached, reason = _run_stages(attempts, beginning.state or beginning.atoms, settings, requests, outdir, result)
    if settings.audit == "none":
        return reason
    unrest = _run_audit(attempts, reached, settings, outdir, result)
    return reason or unrest


def _run_stages(
    attempts: Attempts,
    start: Atoms | Path,
    settings: SschaSettings,
    requests: Requests,
    outdir: Path,
    result: dict[str, Any],
) -> tuple[Path, str]:
    """Run the stages that are not done; the folder where the last one ended and why it has not converged."""
    here, entry = start, {}
    for number, stage in enumerate(settings.stages, start=1):
        folder = outdir / STAGES_FOLDER / f"{number}-{'x'.join(map(str, stage.supercell))}"
        request = requests.of_stage(number)
        done = finished_stage(folder, request)
        if done is not None:
            LOG.info("stage %s is done already", stage)
            entry = done
            if number == len(settings.stages):
                copy_state(folder, outdir)
        else:
            begin_stage(folder, request)
            arguments = _stage_arguments(here, stage, settings, folder, outdir)
            try:
                report, tried = attempts.run(f"stage {stage}", "run_stage", arguments)
            except WorkerError:
                _go_back(outdir, here if number > 1 else None)
                raise
            entry = _entry(stage, report, tried, settings)
            end_stage(folder, request, entry, outdir)
        here = folder
        result["stages"].append(entry)
        result["n_evaluations"] += entry["n_evaluations"]
        result |= {key: entry[key] for key in DESCRIBED} | {"source": "minimisation"}
    assert isinstance(here, Path)
    return here, str(entry.get("reason", ""))


def _go_back(outdir: Path, stage: Atoms | Path | None) -> None:
    """Leave no state of a stage that failed, but that of the stage before, if there was one."""
    drop_state(outdir)
    if isinstance(stage, Path):
        copy_state(stage, outdir)


def _stage_arguments(
    here: Atoms | Path, stage: Stage, settings: SschaSettings, folder: Path, checkpoint: Path
) -> Callable[[Minimisation], tuple[Any, ...]]:
    return lambda minimisation: (here, stage, settings, minimisation, folder, checkpoint)


def _run_audit(attempts: Attempts, reached: Path, settings: SschaSettings, outdir: Path, result: dict[str, Any]) -> str:
    """Audit the point reached: its numbers become the result's. Returns why it is no minimum, if it is none."""
    stage = settings.stages[-1]
    report, _ = attempts.run("the audit", "run_audit", lambda _: (reached, stage, settings, outdir))
    result |= _described(report.outcome.measurement, report.point, settings)
    result["source"] = "audit"
    result["audit"] = {
        "configurations": stage.configurations,
        "force": report.outcome.force.value,
        "force_error": report.outcome.force.error,
        "at_rest": not report.unrest,
    }
    result["finite_size"] = report.outcome.finite_size
    difference = between_stages(result["stages"])
    if difference is not None:
        result["finite_size"]["between_stages"] = difference
    result["n_evaluations"] += report.outcome.n_evaluations
    contradiction = jump(result["stages"][-1], result) if result["stages"] else ""
    return str(report.unrest) or contradiction


def _entry(stage: Stage, report: StageReport, tried: int, settings: SschaSettings) -> dict[str, Any]:
    """What the result has on a stage."""
    entry = {
        "supercell": list(stage.supercell),
        "configurations": stage.configurations,
        "converged": report.converged,
        "attempts": tried,
        "populations": report.population.number,
        "gradient_over_error": report.population.gradient_over_error,
        "n_evaluations": report.n_evaluations,
        "stress_initial": report.stress_initial.tolist(),
    } | _described(report.population.measurement, report.point, settings)
    return entry | ({"reason": report.reason} if report.reason else {})


def _described(measurement: Measurement, point: Point, settings: SschaSettings) -> dict[str, Any]:
    gibbs = measurement.gibbs_free_energy(settings.pressure)
    values = (
        measurement.free_energy.value,
        measurement.free_energy.error,
        gibbs.value,
        gibbs.error,
        measurement.pressure.value,
        measurement.pressure.error,
        measurement.stress.tolist(),
        measurement.volume,
        point.spacegroup,
        point.frequencies_gamma,
        measurement.kong_liu_ratio,
    )
    return dict(zip(DESCRIBED, values, strict=True))
