"""``anhcsp-engine generate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from ..frames import write_frames
from ..search.initial import random_population
from ..search.prototypes import with_prototypes
from ..search.settings import SearchSettings
from ..yaml_file import read_mapping
from .making import load_maker
from .options import log_to_terminal, optional_potential_options, processes_option


@click.command("generate")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--settings", "settings_file", type=click.Path(path_type=Path), help="SEARCH.yaml, instead of the rest.")
@click.option("--formula", help="Formula unit, taken as written: H3S, or Si16 for sixteen atoms.")
@click.option("--formula-units", help="Formula units in a cell: 1, or a range such as 1-4. [default: 1]")
@click.option("--number", type=click.IntRange(min=1), help="Structures. [default: the settings' population]")
@click.option("--pressure", type=float, help="Pressure in GPa, for volumes and distances. [default: 0]")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all randomness.")
@click.option(
    "--minimum-distance",
    "minimum_distances",
    multiple=True,
    metavar="A-B=D",
    help="Shortest distance of a pair in angstrom, as H-S=1.1; repeat for others. [default: from covalent radii]",
)
@optional_potential_options
@processes_option
def command(
    out: Path,
    settings_file: Path | None,
    formula: str | None,
    formula_units: str | None,
    number: int | None,
    pressure: float | None,
    seed: int | None,
    minimum_distances: tuple[str, ...],
    specification: str | None,
    device: str,
    threads: int,
    batch_atoms: int | None,
    processes: int,
) -> None:
    """Write random symmetric structures to OUT (extended XYZ).

    Space groups that can host the composition are drawn with equal chance, cells within 10 % of the volume expected
    at the pressure, reduced and right-handed. Either --settings, or --formula, --number and --seed are needed; with
    both, the options replace the settings' keys. A search displaces its structures before it relaxes them
    ("displacement" in its settings); from options alone they are symmetric. The "prototypes" of the settings follow.
    A potential is given with "candidates" in the settings, and only then; while these are compared,
    OUT.checkpoint.npz is kept, from which the same command goes on after a kill.
    """
    log_to_terminal()
    given: dict[str, Any] = {
        "formula": formula,
        "formula_units": formula_units,
        "population": number,
        "pressure": pressure,
        "seed": seed,
        "minimum_distances": dict(_parse_distance(text) for text in minimum_distances) or None,
    }
    mapping = read_mapping(settings_file) if settings_file else {"generations": 1, "displacement": 0.0}
    mapping.update({key: value for key, value in given.items() if value is not None})
    for key, option in (("formula", "--formula"), ("population", "--number"), ("seed", "--seed")):
        if not settings_file and key not in mapping:
            raise InputError(option, "missing", "give it, or --settings SEARCH.yaml")
    settings = SearchSettings.parse(mapping)
    maker = load_maker(settings, 0, specification, device, threads, batch_atoms, processes)
    drawn = maker.screened(random_population(settings, number=number), (), settings, 0, out)
    write_frames(out, with_prototypes(drawn, settings))


def _parse_distance(text: str) -> tuple[str, float]:
    pair, _, value = text.partition("=")
    try:
        return pair, float(value)
    except ValueError as error:
        raise InputError("--minimum-distance", f"{text!r} has no distance", "write it like H-S=1.1") from error
