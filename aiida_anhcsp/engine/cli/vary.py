"""``anhcsp-engine vary``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import InputError
from ..frames import read_frames, write_frames
from ..search.settings import SearchSettings
from ..search.vary import vary
from .options import log_to_terminal, optional_potential_options
from .settings import read_mapping


@click.command("vary")
@click.argument("population", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@optional_potential_options
@click.option("--settings", "settings_file", required=True, type=click.Path(path_type=Path), help="SEARCH.yaml.")
@click.option("--generation", required=True, type=click.IntRange(min=1), help="Number of the generation to make.")
def command(
    population: Path,
    out: Path,
    specification: str | None,
    device: str,
    threads: int,
    batch_atoms: int | None,
    settings_file: Path,
    generation: int,
) -> None:
    """Write the next generation of a ranked POPULATION to OUT: random structures and children of the best.

    POPULATION is everything relaxed so far, as `rank` wrote it. Children carry id, generation, operator and parents.
    A potential is given with soft_modes: potential, and only then.
    """
    log_to_terminal()
    settings = SearchSettings.parse(read_mapping(settings_file))
    potential = None
    if specification is not None:
        if not settings.soft_modes_of_potential:
            raise InputError(
                "--potential", "offspring does not depend on it", "remove it, or set soft_modes: potential"
            )
        from ..potentials import load_potential

        potential = load_potential(specification, device, threads, batch_atoms)
    write_frames(out, vary(read_frames(population, "POPULATION"), settings, generation, potential))
