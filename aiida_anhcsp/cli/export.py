"""``aiida-anhcsp export``: archive, structures and plot of a run."""

from __future__ import annotations

import logging
from pathlib import Path

import click
from aiida.cmdline.utils.decorators import with_dbenv

from ..engine.errors import InputError
from .status import load_run


@click.command("export")
@click.argument("pk", metavar="PK")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@with_dbenv()
def command(pk: str, folder: Path) -> None:
    """Write ranking, CIF files, a plot of the enthalpies and an AiiDA archive of the run PK into FOLDER."""
    from aiida.tools.archive import create_archive

    from ..report.phase_diagram import plot_phase_diagram
    from ..report.plot import plot_search, searches_of
    from ..report.ranking import ranking_csv, ranking_rows
    from ..report.structures import write_structures

    node = load_run(pk)
    if not node.is_terminated:
        raise InputError("PK", f"run {pk} has not ended", "follow it with aiida-anhcsp status PK --watch")
    folder.mkdir(parents=True, exist_ok=True)
    ranking = folder / "ranking.csv"
    ranking.write_text(ranking_csv(ranking_rows(node)))
    click.echo(f"ranking   {ranking}")
    if "phase_diagram" in node.outputs:
        click.echo(
            f"plot      {plot_phase_diagram(node.outputs.phase_diagram.get_dict(), folder / 'phase_diagram.png')}"
        )
    structures = write_structures(node, folder / "structures")
    click.echo(f"CIFs      {folder / 'structures'} ({len(structures)} files)")
    for number, search in enumerate(searches_of(node), start=1):
        plot = folder / ("enthalpy_by_generation.png" if number == 1 else f"enthalpy_by_generation_{number}.png")
        click.echo(f"plot      {plot_search(search, plot)}")
    archive = folder / "archive.aiida"
    logging.getLogger("aiida.export").setLevel(logging.WARNING)
    create_archive([node], filename=archive, overwrite=True)
    click.echo(f"archive   {archive}")
