"""``anhcsp-engine search``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..errors import InputError
from ..frames import read_frames
from ..search.rank import unranked
from ..search.settings import SearchSettings
from ..yaml_file import read_mapping
from .options import log_to_terminal, processes_option


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
      composition        instead of formula: {elements: {Cu: 0-8, Au: 0-8}, atoms: 2-8,
                         charges: {...}, ends: [...], ratios: {H/Mg: 2-12}},
                         ranked by distance from the hull
      fitness            enthalpy, hull_distance (over compositions) or the name of an entry
                         point of the group anhcsp.fitness [enthalpy or hull_distance]
      formula_units      1, or a range such as 1-4 [1]
      pressure           GPa [0]
      potential          mattersim:NAME_OR_FILE, mtp:FILE or ase:MODULE:CALLABLE[:JSON]
      population         structures in a generation
      generations        generations, the first random one included
      max_relaxations    structures that the generations relax, seeds and prototypes too
                         [no limit]
      seed               seed of all randomness
      relax              {fmax: 0.01, max_steps: 500}
      minimum_distances  angstrom by pair, as {H-S: 1.1} [from covalent radii]
      displacement       angstrom, takes the symmetry off new structures [0.05]
      without_symmetry   share of random structures in P1 [0]
      subcells           of one formula, share of random structures made in a part of the
                         cell and repeated [0]
      seeds              file of structures that join the first generation [none]
      prototypes         known structure types that join the first generation [0]
      candidates         random structures, or cuts of two parents, for each that is
                         relaxed: the lowest after five steps goes on [1]
      operators          weights; if given, what is not named is off [random 0.35, over
                         compositions 1; heredity 0.15, softmutation 0.2, strain 0.15,
                         permutation 0.15, ripple 0.15, rattle 0, transmute 0.15,
                         add 0.1, remove 0.1]
      adaptation         share of success in the operators' rates, 0 keeps the weights [0.45]
      soft_modes         springs, or potential: what the soft-mode mutation takes its
                         modes from [springs]
      symmetric_parents  angstrom, tolerance within which the parents of a cut are made
                         symmetric [0, off]
      mating             second parents are of this share that is nearest by fingerprint [0.3]
      niching            only the lowest within this fingerprint distance is a parent [0.05]
      antiseeds          {weight: eV/atom, width: 0.05}: penalty near the best of each
                         generation [none]
      duplicates         {fingerprint: 0.01, enthalpy: 0.003, volume: 0.02,
                         symmetry: [0.01, 0.05, 0.1, 0.2]}
      stop               {generations_without_better: 5, better_by: 0.001,
                         target_distance: 0.01} [never]
      target             file of a known structure at which the search ends [none]
      symmetrise         lowest structures symmetrised and relaxed again at the end [0]

    OUTDIR gets population.extxyz, every structure in the order it was relaxed with its enthalpy, status and descent,
    and history.csv, a row for each generation. Exit status 1: both are there, but no structure could be ranked.
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
    folder = settings_file.parent
    seeds = read_frames(folder / settings.seeds, "seeds") if settings.seeds else []
    target = read_frames(folder / settings.target, "target")[0] if settings.target else None
    population = search(settings, potential, outdir, (batch_atoms or BATCH_ATOMS[device]) * processes, seeds, target)
    if (problem := unranked(population, settings)) is not None:
        click.echo(f"anhcsp-engine: nothing was relaxed that can be ranked: {problem}", err=True)
        sys.exit(1)
