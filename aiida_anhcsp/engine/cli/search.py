"""``anhcsp-engine search``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import InputError
from ..search.settings import SearchSettings
from .options import log_to_terminal, processes_option
from .settings import read_mapping


@click.command("search")
@click.argument("settings_file", metavar="SEARCH.yaml", type=click.Path(path_type=Path))
@click.argument("outdir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", help="Where to compute.")
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Threads of this process.")
@click.option(
    "--batch-atoms",
    type=click.IntRange(min=1),
    default=None,
    help="Most atoms evaluated in one call.  [default: 64; on a GPU what its memory holds]",
)
@processes_option
def command(
    settings_file: Path, outdir: Path, device: str, threads: int, batch_atoms: int | None, processes: int
) -> None:
    """Search for the lowest structures as SEARCH.yaml says, without a graph and without learning.

    \b
    Keys of SEARCH.yaml:
      formula            formula unit, taken as written (Si16 is sixteen atoms)
      formula_units      1, or a range such as 1-4 [1]
      pressure           GPa [0]
      potential          mattersim:NAME_OR_FILE, mtp:FILE or ase:MODULE:CALLABLE[:JSON]
      population         structures in a generation
      generations        generations, the first random one included
      max_relaxations    relaxations in the whole search [no limit]
      seed               seed of all randomness
      relax              {fmax: 0.01, max_steps: 500}
      minimum_distances  angstrom by pair, as {H-S: 1.1} [from covalent radii]
      operators          weights of random, heredity, strain, permutation, rattle
                         [{random: 0.5, heredity: 0.4, strain: 0.1}; what is not named is off]
      niching            only the lowest within this fingerprint distance is a parent [0.05]
      duplicates         {fingerprint: 0.01, enthalpy: 0.003, volume: 0.02}
      stop               {generations_without_better: 5, better_by: 0.001} [never]

    OUTDIR gets population.extxyz, every structure in the order it was relaxed with its enthalpy, status and descent,
    and history.csv, a row for each generation.
    """
    settings = SearchSettings.parse(read_mapping(settings_file, "SEARCH.yaml"))
    if settings.potential is None:
        raise InputError("potential", "missing", "add this key, as in potential: mattersim:mini-H-S")
    from ..potentials import load_potential
    from ..potentials.batching import BATCH_ATOMS
    from ..search.loop import search

    log_to_terminal()
    potential = load_potential(
        settings.potential, device, threads, batch_atoms, argument="potential", processes=processes
    )
    search(settings, potential, outdir, (batch_atoms or BATCH_ATOMS[device]) * processes)
