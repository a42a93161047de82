"""``anhcsp-engine rank``."""

from __future__ import annotations

from pathlib import Path

import click

from ..frames import read_frames, write_frames
from ..search.rank import rank
from ..search.settings import SearchSettings
from ..yaml_file import read_mapping
from .options import log_to_terminal


@click.command("rank")
@click.argument("population", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path),
    help="SEARCH.yaml, for its fitness and tolerances. [default: fingerprint 0.01, 3 meV/atom, 2 % of volume]",
)
def command(population: Path, out: Path, settings_file: Path | None) -> None:
    """Write POPULATION, in its order, to OUT with fitness, rank and duplicates.

    Relaxed frames get `fitness` (enthalpy, eV/atom, or what SEARCH.yaml names); duplicates `duplicate_of`, the id of
    the lowest of their kind; the distinct ones `rank`, 1 for the lowest.
    """
    log_to_terminal()
    settings = SearchSettings.parse(read_mapping(settings_file)) if settings_file else None
    write_frames(out, rank(read_frames(population, "POPULATION"), settings))
