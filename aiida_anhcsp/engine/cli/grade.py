"""``anhcsp-engine grade``."""

from __future__ import annotations

from pathlib import Path

import click

from ..frames import read_frames, write_frames
from .options import log_to_terminal


@click.command("grade")
@click.argument("frames", metavar="IN.extxyz", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT.extxyz", type=click.Path(path_type=Path))
@click.option("--potential", "specification", required=True, metavar="SPEC", help="mattersim:NAME_OR_FILE or mtp:FILE.")
@click.option(
    "--training",
    required=True,
    metavar="TRAIN.extxyz",
    type=click.Path(path_type=Path),
    help="The frames the potential was trained on.",
)
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Threads of this process.")
def command(frames: Path, output: Path, specification: str, training: Path, threads: int) -> None:
    """Say how far frames are outside what a potential was trained on.

    Writes every frame with its MaxVol grade as info 'grade', the largest of its atoms: up to 1 is interpolation,
    above 2 extrapolation that is worth a label. A frame that cannot be graded carries 'status' and 'reason'.
    """
    import torch

    from ..learning.grade import grade, load_grader

    log_to_terminal()
    torch.set_num_threads(threads)
    structures = read_frames(frames, "IN.extxyz")
    graded = grade(structures, load_grader(specification, read_frames(training, "--training")))
    write_frames(output, graded)
    grades = sorted(frame.info["grade"] for frame in graded if "grade" in frame.info)
    if grades:
        click.echo(f"{len(grades)} graded: median {grades[len(grades) // 2]:.3f}, largest {grades[-1]:.3f}")
    if len(grades) < len(graded):
        click.echo(f"{len(graded) - len(grades)} could not be graded")
