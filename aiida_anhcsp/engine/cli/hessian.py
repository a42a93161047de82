"""``anhcsp-engine hessian``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .options import log_to_terminal, potential_options, processes_option, seed_option


@click.command("hessian")
@click.argument("sscha_outdir", type=click.Path(path_type=Path))
@click.argument("outdir", type=click.Path(path_type=Path))
@potential_options
@processes_option
@click.option(
    "--configurations", type=click.IntRange(min=4), default=2000, help="Configurations of the ensemble, an even number."
)
@seed_option
@click.option("--path", help="Dispersions along auto (seekpath's path) or special points: GXMG, or G-X_1-M.")
@click.option("--v4", is_flag=True, help="With the fourth-order term; refused where the memory is too small for it.")
@click.option(
    "--resamples", type=click.IntRange(min=0), default=20, help="Bootstrap resamplings, for how sure the verdict is."
)
def command(
    sscha_outdir: Path,
    outdir: Path,
    specification: str,
    device: str,
    threads: int,
    batch_atoms: int | None,
    processes: int,
    configurations: int,
    seed: int,
    path: str | None,
    v4: bool,
    resamples: int,
) -> None:
    """Free-energy Hessian of the point in SSCHA_OUTDIR; results go to OUTDIR.

    A fresh ensemble is drawn from the auxiliary matrices. OUTDIR gets result.json (frequencies at Gamma, negative for
    imaginary ones; the verdict on dynamical stability, and how sure the noise leaves it; with --path the harmonic,
    auxiliary and Hessian dispersions) and the Hessian's structure.extxyz and dynamical_matrices/.
    """
    from ..errors import InputError
    from ..sscha.run import LOG_FILE, RESULT_FILE
    from ..sscha.worker import PotentialChoice, Worker

    log_to_terminal()
    if configurations % 2:
        raise InputError("--configurations", f"{configurations} is odd (they come in pairs)", "give an even number")
    if not sscha_outdir.is_dir():
        raise InputError("SSCHA_OUTDIR", f"no folder {sscha_outdir}", "give the OUTDIR of an sscha command")
    outdir.mkdir(parents=True, exist_ok=True)
    with Worker(PotentialChoice(specification, device, threads, batch_atoms, processes), outdir / LOG_FILE) as worker:
        result = worker.run("run_hessian", sscha_outdir, configurations, seed, path, outdir, v4, resamples)
    (outdir / RESULT_FILE).write_text(json.dumps(result, indent=2) + "\n")
    verdict = "dynamically stable" if result["dynamically_stable"] else "dynamically unstable"
    verdict += ", within the noise" if result.get("stability") == "undecided" else ""
    click.echo(f"lowest frequency {result['lowest_frequency']:.1f} cm^-1: {verdict}")
