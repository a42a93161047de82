"""``anhcsp-engine grade``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
from ase import Atoms

from ..errors import InputError
from ..frames import read_frames, write_frames
from .options import log_to_terminal


@click.command("grade")
@click.argument("frames", metavar="IN.extxyz", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT.extxyz", type=click.Path(path_type=Path))
@click.option("--potential", "specification", required=True, metavar="SPEC", help="mattersim:NAME_OR_FILE or mtp:FILE.")
@click.option(
    "--training",
    metavar="TRAIN.extxyz",
    type=click.Path(path_type=Path),
    help="The frames the potential was trained on, for its grade.",
)
@click.option(
    "--committee",
    multiple=True,
    metavar="SPEC",
    help="Another potential that learned the same, for the spread of the forces; may be repeated.",
)
@click.option(
    "--held-out",
    metavar="TEST.extxyz",
    type=click.Path(path_type=Path),
    help="Labelled frames it was not trained on: OUT.calibration.json says what error a grade means.",
)
@click.option(
    "--target-error",
    type=click.FloatRange(min=0, min_open=True),
    default=150.0,
    help="RMSE of the forces up to the calibrated threshold, meV/angstrom.",
)
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Threads of this process.")
def command(
    frames: Path,
    output: Path,
    specification: str,
    training: Path | None,
    committee: tuple[str, ...],
    held_out: Path | None,
    target_error: float,
    threads: int,
) -> None:
    """Say how far frames are outside what a potential was trained on.

    With --training every frame is written with its MaxVol grade as info 'grade', the largest of its atoms: up to 1 is
    interpolation, above 2 extrapolation that is worth a label. With --committee it carries 'spread', the largest
    deviation (eV/angstrom) of the potentials' forces on an atom from their mean. A frame that cannot be judged
    carries 'status' and 'reason'.

    With --held-out the grade is calibrated: the threshold is the largest grade up to which the forces of held-out
    frames are right to the target error.
    """
    import torch

    from ..learning.calibration import calibrate
    from ..learning.committee import spread
    from ..learning.grade import grade, load_grader
    from ..potentials import load_potential

    if held_out is not None and training is None:
        raise InputError("--held-out", "there is no grade to calibrate", "give --training too")
    if training is None and not committee:
        raise InputError("--training", "nothing to grade by", "give --training or --committee")
    log_to_terminal()
    torch.set_num_threads(threads)
    structures = read_frames(frames, "IN.extxyz")
    if committee:
        members = [load_potential(specification, threads=threads)]
        members += [load_potential(member, threads=threads, argument="--committee") for member in committee]
        structures = spread(structures, members)
        _summarise(structures, "spread")
    if training is not None:
        grader = load_grader(specification, read_frames(training, "--training"))
        structures = grade(structures, grader)
        _summarise(structures, "grade")
        if held_out is not None:
            potential = load_potential(specification, threads=threads)
            calibration = calibrate(read_frames(held_out, "--held-out"), potential, grader, "--held-out")
            Path(f"{output.with_suffix('')}.calibration.json").write_text(
                json.dumps(calibration.summary(target_error), indent=1) + "\n"
            )
            threshold = calibration.threshold(target_error)
            meaning = "no grade has" if threshold is None else f"grades up to {threshold:.3f} have"
            click.echo(f"{meaning} force errors within {target_error:g} meV/angstrom")
    write_frames(output, structures)


def _summarise(frames: Sequence[Atoms], key: str) -> None:
    values = sorted(frame.info[key] for frame in frames if key in frame.info)
    if values:
        click.echo(f"{key} of {len(values)}: median {values[len(values) // 2]:.3f}, largest {values[-1]:.3f}")
    if len(values) < len(frames):
        click.echo(f"{len(frames) - len(values)} have no {key}")
