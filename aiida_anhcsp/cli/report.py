"""``aiida-anhcsp report``: a run on one HTML page."""

from __future__ import annotations

from pathlib import Path

import click
from aiida.cmdline.utils.decorators import with_dbenv

from .status import load_run


@click.command("report")
@click.argument("pk", metavar="PK")
@click.argument("path", metavar="[PAGE.html]", type=click.Path(path_type=Path), required=False)
@click.option("--figures", type=click.Path(path_type=Path), help="Write the figures as SVG and PDF into this folder.")
@with_dbenv()
def command(pk: str, path: Path | None, figures: Path | None) -> None:
    """Write the report of the run PK: one HTML page that opens anywhere, without a network.

    It shows ranking, figures, a map of the structures, the node behind each number, and what failed.
    PAGE.html is report_PK.html if not given. A run that has not ended is shown as far as it is.
    """
    from ..report.figures import figures_of
    from ..report.page import write_page

    node = load_run(pk)
    page = write_page(node, path or Path(f"report_{node.pk}.html"))
    click.echo(f"page      {page} ({page.stat().st_size / 1e6:.1f} MB)")
    if figures is not None:
        written = [file for panel in figures_of(node) for file in panel.save(figures)]
        click.echo(f"figures   {figures} ({len(written)} files)")
