"""``anhcsp-engine qualify``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .options import log_to_terminal, potential_options, processes_option, seed_option


@click.command("qualify")
@click.argument("structure", type=click.Path(path_type=Path))
@click.argument("outdir", type=click.Path(path_type=Path))
@potential_options
@processes_option
@click.option("--pressure", type=float, required=True, help="Pressure of the intended search, GPa.")
@seed_option
@click.option("--number", type=click.IntRange(min=1), default=10, help="Random structures to relax.")
@click.option("--configurations", type=click.IntRange(min=4), default=50, help="Of the small SSCHA's ensembles, even.")
def command(
    structure: Path,
    outdir: Path,
    specification: str,
    device: str,
    threads: int,
    batch_atoms: int | None,
    processes: int,
    pressure: float,
    seed: int,
    number: int,
    configurations: int,
) -> None:
    """Examine whether a potential is fit for a search and SSCHA around STRUCTURE under pressure.

    Relaxes STRUCTURE and random structures of its composition, compares energies, pressures and forces as functions
    of each other, looks at the harmonic modes and relaxes a distorted phase by a small SSCHA at 0 K. Prints a table;
    OUTDIR gets result.json (verdict fit or unfit, with reasons) and the small SSCHA's files.
    """
    from tabulate import tabulate

    from ..sscha.examine import qualify
    from ..sscha.run import RESULT_FILE
    from ..sscha.worker import PotentialChoice

    log_to_terminal()
    choice = PotentialChoice(specification, device, threads, batch_atoms, processes)
    result = qualify(structure, outdir, choice, pressure, number, configurations, seed)
    rows = [
        (entry["check"], "pass" if entry["passed"] else "FAIL", entry["measured"], entry.get("reason", ""))
        for entry in result["checks"]
    ]
    click.echo(tabulate(rows, headers=("check", "", "measured", "reason")))
    click.echo(f"verdict: {result['verdict']}")
    (outdir / RESULT_FILE).write_text(json.dumps(result, indent=2) + "\n")
