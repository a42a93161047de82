"""``anhcsp-engine vary``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import InputError
from ..frames import read_frames, write_frames
from ..search.screening import screened
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
    A potential is given with soft_modes: potential or with candidates, and only then.
    """
    log_to_terminal()
    settings = SearchSettings.parse(read_mapping(settings_file))
    potential = None
    if specification is not None:
        require_use(settings, generation)
        from ..potentials import load_potential

        potential = load_potential(specification, device, threads, batch_atoms)
    ranked = read_frames(population, "POPULATION")
    children = vary(ranked, settings, generation, potential)
    write_frames(out, screened(children, ranked, settings, generation, potential))


def require_use(settings: SearchSettings, generation: int) -> None:
    """Refuse a potential that nothing would evaluate.

    :raises InputError: naming the option
    """
    if not settings.makes_with_potential(generation):
        uses = "candidates: 4, say" if generation == 0 else "soft_modes: potential, or candidates: 4, say"
        raise InputError("--potential", "the structures do not depend on it", f"remove it, or set {uses}")
