"""``anhcsp-engine draw``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import log_to_terminal, seed_option


@click.command("draw")
@click.argument("sscha_outdir", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--configurations", type=click.IntRange(min=2), required=True, help="How many.")
@seed_option
def command(sscha_outdir: Path, out: Path, configurations: int, seed: int) -> None:
    """Write fresh, independent configurations of the Gaussian in SSCHA_OUTDIR to OUT, to be labelled.

    They are drawn from its dynamical_matrices at the temperature noted in its structure.extxyz, without pairs.
    """
    from ..sscha.run import LOG_FILE
    from ..sscha.worker import Worker

    log_to_terminal()
    with Worker(None, out.parent / LOG_FILE) as worker:
        worker.run("run_draw", sscha_outdir, configurations, seed, out)
