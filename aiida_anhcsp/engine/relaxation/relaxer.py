"""Relax frames at a pressure: the one function the rest of the package calls."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ase import Atoms
from ase.units import GPa
from tqdm import tqdm  # type: ignore[import-untyped]

from ..potentials.base import Potential
from .checkpoint import fingerprint, restore, save
from .outcome import finished
from .run import Run
from .settings import RelaxSettings

logger = logging.getLogger(__name__)

CHECKPOINT_INTERVAL = 10.0
LOG_INTERVAL = 30.0


def relax(
    frames: Sequence[Atoms],
    potential: Potential,
    pressure: float,
    settings: RelaxSettings | None = None,
    *,
    checkpoint: Path | None = None,
    max_wallclock: float | None = None,
    identity: str = "",
) -> list[Atoms]:
    """Minimise the enthalpy of frames, atoms and cell, at a hydrostatic pressure.

    Structures are relaxed many at once; each has its own optimiser, and its result does not depend on the others.
    A structure that cannot be relaxed ends with a status and a reason and its last sane geometry, never with an
    exception.

    :param pressure: GPa
    :param checkpoint: file from which the same call, once killed or out of time, goes on; removed at the end
    :param max_wallclock: seconds after which what is not finished ends as ``max_steps`` (``failed`` where it was never
        evaluated) with the reason "out of time", and the checkpoint stays
    :param identity: what else tells this run from another one with the same frames (the potential), for the checkpoint
    :return: one frame per frame in, same order, with its info and ``status``, ``reason`` (where there is one), and for
        ``converged`` and ``max_steps`` the labels, ``enthalpy`` (eV/atom), ``steps``, ``spacegroup`` (spglib at 0.05
        angstrom) and ``pressure`` (GPa)
    """
    begin = time.monotonic()
    settings = settings or RelaxSettings()
    run = Run.new(frames, potential, pressure * GPa, settings)
    mark = fingerprint(frames, pressure, settings, identity)
    if checkpoint is not None and checkpoint.is_file():
        if restore(run, checkpoint, mark):
            logger.info("relax: going on from %s, %d of %d done", checkpoint, len(run.outcomes), len(frames))
        else:
            logger.warning("relax: %s belongs to another run, starting anew", checkpoint)

    saved = logged = begin
    with tqdm(total=len(frames), unit="structure", disable=not sys.stderr.isatty()) as bar:
        bar.update(len(run.outcomes))
        while not run.done:
            lap = time.monotonic()
            run.cycle()
            now = time.monotonic()
            bar.update(len(run.outcomes) - bar.n)
            if bar.disable and now - logged > LOG_INTERVAL:
                logged = now
                logger.info("relax: %s", _progress(run))
            if run.done:
                break
            out_of_time = max_wallclock is not None and now - begin + (now - lap) > max_wallclock
            if checkpoint is not None and (out_of_time or now - saved > CHECKPOINT_INTERVAL):
                saved = now
                save(run, checkpoint, mark)
            if out_of_time:
                run.stop("out of time")
    if checkpoint is not None and not any(outcome.reason == "out of time" for outcome in run.outcomes.values()):
        checkpoint.unlink(missing_ok=True)
    logger.info("relax: %s, %.1f s", _progress(run), time.monotonic() - begin)
    return [finished(frame, run.outcomes[index], pressure) for index, frame in enumerate(frames)]


def _progress(run: Run) -> str:
    statuses = Counter(outcome.status for outcome in run.outcomes.values())
    counts = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items())) or "none yet"
    return f"{len(run.outcomes)} of {len(run.frames)} done ({counts}), {run.evaluations} evaluations"
