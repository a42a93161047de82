"""``anhcsp-engine correct``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .options import log_to_terminal


@click.command("correct")
@click.argument("sscha_outdir", type=click.Path(path_type=Path))
@click.argument("labels", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--order",
    type=click.IntRange(1, 2),
    default=1,
    help="2 adds the classical variance term, meaningful only far above the phonon energies; never rank by it.",
)
@click.option(
    "--pressure", type=float, help="Target pressure of the reference in GPa, where the model was relaxed at another."
)
@click.option("--reminimise", is_flag=True, help="Also minimise again on the labels' forces (at a fixed cell).")
def command(sscha_outdir: Path, labels: Path, out: Path, order: int, pressure: float | None, reminimise: bool) -> None:
    """Correct the audited free energy in SSCHA_OUTDIR to the potential that made LABELS; the result goes to OUT.

    LABELS are frames of audit.extxyz, with their ids, labelled by the reference (DFT). OUT is a JSON document with
    the corrected F, G and pressure, the corrections and their errors (of paired differences), and the pressure at
    which to relax with the model so that the reference is at the target. With --reminimise it also has the free energy
    at the reference's own minimum, as far as the labelled configurations carry.
    """
    from ..sscha.correction import as_ranked, correct, corrected, read_result
    from ..sscha.reports import Estimate
    from ..sscha.run import LOG_FILE
    from ..sscha.worker import Worker

    log_to_terminal()
    document = correct(sscha_outdir, labels, 2 if order == 2 else 1, pressure)
    if reminimise:
        with Worker(None, out.parent / LOG_FILE) as worker:
            found = worker.run("run_reminimisation", sscha_outdir, labels, None)
        correction = Estimate(found["free_energy_correction"], found["free_energy_correction_error"])
        document["reminimised"] = found | corrected(read_result(sscha_outdir), correction, document["pressure_target"])
    out.write_text(json.dumps(document, indent=2) + "\n")
    ranked = as_ranked(document)
    click.echo(
        f"G = {ranked['gibbs_free_energy']:.5f} +- {ranked['gibbs_free_energy_error']:.5f} eV/atom "
        f"from {document['n_labels']} labels"
    )
