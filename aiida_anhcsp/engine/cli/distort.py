"""``anhcsp-engine distort``."""

from __future__ import annotations

from pathlib import Path

import click

from ..frames import read_frames, write_frames
from ..search.distort import distort
from .options import log_to_terminal, seed_option


@click.command("distort")
@click.argument("frames", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--number", type=click.IntRange(min=1), default=10, help="Copies of each structure.")
@click.option(
    "--amplitude",
    type=click.FloatRange(min=0.0),
    default=0.05,
    help="Displacement of each atom, angstrom.",
)
@click.option(
    "--strain",
    type=click.FloatRange(min=0.0, max=0.5),
    default=0.05,
    help="Largest strain component.",
)
@seed_option
def command(frames: Path, out: Path, number: int, amplitude: float, strain: float, seed: int) -> None:
    """Write distorted copies of the structures in IN to OUT, to be labelled.

    Each atom moves by the amplitude in a random direction; strain components are uniform up to the largest.
    """
    log_to_terminal()
    write_frames(out, distort(read_frames(frames), number, amplitude, strain, seed=seed))
