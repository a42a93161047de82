"""``anhcsp-engine step``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .options import log_to_terminal, potential_options


@click.command("step")
@click.argument("sscha_outdir", type=click.Path(path_type=Path))
@click.argument("labels", type=click.Path(path_type=Path))
@click.argument("outdir", type=click.Path(path_type=Path))
@potential_options
@click.option("--pressure", type=float, required=True, help="Target pressure in GPa.")
@click.option("--fixed-cell", is_flag=True, help="Leave the cell as it is; G is still taken at the target pressure.")
def command(
    sscha_outdir: Path,
    labels: Path,
    outdir: Path,
    specification: str,
    device: str,
    threads: int,
    batch_atoms: int,
    pressure: float,
    fixed_cell: bool,
) -> None:
    """One population of SSCHA on LABELS, which are configurations drawn from SSCHA_OUTDIR; results go to OUTDIR.

    The configurations first measure the point they were drawn from (result.json: F, G and pressure with errors, and
    "converged" where it is the minimum), then the free energy is minimised on them and the cell moves towards the
    pressure. OUTDIR gets the next structure.extxyz and dynamical_matrices/. The potential only scales the cell's step.
    """
    from ..sscha.run import LOG_FILE, RESULT_FILE
    from ..sscha.worker import PotentialChoice, Worker

    log_to_terminal()
    outdir.mkdir(parents=True, exist_ok=True)
    with Worker(PotentialChoice(specification, device, threads, batch_atoms), outdir / LOG_FILE) as worker:
        result = worker.run("run_step", sscha_outdir, labels, pressure, fixed_cell, outdir)
    (outdir / RESULT_FILE).write_text(json.dumps(result, indent=2) + "\n")
    click.echo(
        f"G = {result['gibbs_free_energy']:.5f} +- {result['gibbs_free_energy_error']:.5f} eV/atom, "
        f"P = {result['pressure']:.2f} +- {result['pressure_error']:.2f} GPa, "
        f"{'at rest' if result['converged'] else result['reason']}"
    )
