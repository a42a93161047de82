"""``anhcsp-engine vary``."""

from __future__ import annotations

from pathlib import Path

import click

from ..frames import read_frames, write_frames
from ..search.settings import SearchSettings
from ..search.vary import vary
from .options import log_to_terminal
from .settings import read_mapping


@click.command("vary")
@click.argument("population", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--settings", "settings_file", required=True, type=click.Path(path_type=Path), help="SEARCH.yaml.")
@click.option("--generation", required=True, type=click.IntRange(min=1), help="Number of the generation to make.")
def command(population: Path, out: Path, settings_file: Path, generation: int) -> None:
    """Write the next generation of a ranked POPULATION to OUT: random structures and children of the best.

    POPULATION is everything relaxed so far, as `rank` wrote it. Children carry id, generation, operator and parents.
    """
    log_to_terminal()
    settings = SearchSettings.parse(read_mapping(settings_file))
    write_frames(out, vary(read_frames(population, "POPULATION"), settings, generation))
