"""``anhcsp-engine evaluate``: energies, forces and stresses of frames."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from ase import Atoms

from ..frames import bare, read_frames, with_labels, write_frames
from ..potentials import Evaluation, load_potential
from ..potentials.batching import BATCH_ATOMS, batches
from ..potentials.specification import parse_specification
from .options import log_to_terminal, potential_options, processes_option

LOGGER = logging.getLogger(__name__)

OF_OTHER_LABELS = (
    "reason",
    "enthalpy",
    "steps",
    "spacegroup",
    "rank",
    "fitness",
    "duplicate_of",
    "label_origin",
    "label_settings",
)
"""What a frame's info may say about labels that are replaced here."""


@click.command("evaluate")
@click.argument("source", metavar="IN.extxyz", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT.extxyz", type=click.Path(path_type=Path))
@potential_options
@processes_option
def command(
    source: Path,
    target: Path,
    specification: str,
    device: str,
    threads: int,
    batch_atoms: int | None,
    processes: int,
) -> None:
    """Energies, forces and stresses of the frames of IN.extxyz.

    One frame out per frame in, in the same order; those of an ASE calculator are written as soon as they are there.
    info['status'] is ok, too_close, nonfinite or failed, the last three with info['reason'] and without labels.
    Energies in eV, forces in eV/angstrom, stress in eV/angstrom^3.
    """
    log_to_terminal()
    frames = read_frames(source, "IN.extxyz")
    potential = load_potential(specification, device, threads, batch_atoms, processes=processes)
    counts: Counter[str] = Counter()
    for place, piece in enumerate(pieces(frames, specification, processes, batch_atoms)):
        evaluations = potential.evaluate(piece)
        write_frames(target, [evaluated(*pair) for pair in zip(piece, evaluations, strict=True)], append=place > 0)
        counts.update(evaluation.status for evaluation in evaluations)
    LOGGER.info("%d frames: %s", len(frames), ", ".join(f"{count} {status}" for status, count in counts.items()))


def pieces(
    frames: Sequence[Atoms], specification: str, processes: int, batch_atoms: int | None
) -> Iterator[Sequence[Atoms]]:
    """What is evaluated before it is written: a frame for an ASE calculator, which may take hours, or a call's worth
    for each process; everything for what is fast.
    """
    if parse_specification(specification).kind != "ase":
        yield frames
        return
    costs = [len(frame) for frame in frames] if processes > 1 else [1] * len(frames)
    calls = list(batches(costs, (batch_atoms or BATCH_ATOMS["cpu"]) if processes > 1 else 1))
    for first in range(0, len(calls), processes):
        yield [frames[index] for call in calls[first : first + processes] for index in call]


def evaluated(frame: Atoms, evaluation: Evaluation) -> Atoms:
    """The frame with the labels and the status of its evaluation, and nothing left of labels it had before."""
    clean = bare(frame)
    clean.info = {key: value for key, value in frame.info.items() if key not in OF_OTHER_LABELS}
    clean.info["status"] = evaluation.status
    if evaluation.energy is None or evaluation.forces is None:
        clean.info["reason"] = evaluation.reason
        return clean
    return with_labels(clean, evaluation.energy, evaluation.forces, evaluation.stress)
