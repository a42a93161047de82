"""``anhcsp-engine vary``."""

from __future__ import annotations

from pathlib import Path

import click

from ..frames import read_frames, write_frames
from ..search.settings import SearchSettings
from ..search.vary import vary
from ..yaml_file import read_mapping
from .making import load_maker
from .options import log_to_terminal, optional_potential_options, processes_option


@click.command("vary")
@click.argument("population", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@optional_potential_options
@processes_option
@click.option("--settings", "settings_file", required=True, type=click.Path(path_type=Path), help="SEARCH.yaml.")
@click.option("--generation", required=True, type=click.IntRange(min=1), help="Number of the generation to make.")
def command(
    population: Path,
    out: Path,
    specification: str | None,
    device: str,
    threads: int,
    batch_atoms: int | None,
    processes: int,
    settings_file: Path,
    generation: int,
) -> None:
    """Write the next generation of a ranked POPULATION to OUT: random structures and children of the best.

    POPULATION is everything relaxed so far, as `rank` wrote it. Children carry id, generation, operator and parents.
    A potential is given with soft_modes: potential or with candidates, and only then. While candidates are compared,
    OUT.checkpoint.npz is kept, from which the same command goes on after a kill.
    """
    log_to_terminal()
    settings = SearchSettings.parse(read_mapping(settings_file))
    maker = load_maker(settings, generation, specification, device, threads, batch_atoms, processes)
    ranked = read_frames(population, "POPULATION")
    children = vary(ranked, settings, generation, maker.potential)
    write_frames(out, maker.screened(children, ranked, settings, generation, out))
