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
@click.option("--number", type=click.IntRange(min=1), default=10, help="How many of the lowest structures at most.")
@click.option("--format", "form", type=click.Choice(["cif", "poscar", "extxyz"]), default="cif", help="Of structures.")
@click.option("--force", is_flag=True, help="Write over what is in FOLDER.")
@with_dbenv()
def command(pk: str, folder: Path, number: int, form: str, force: bool) -> None:
    """Write ranking, structures, a plot of the enthalpies and an AiiDA archive of the run PK into FOLDER."""
    from ..report.archive import write_archive
    from ..report.figures.panel import side_by_side
    from ..report.figures.phase_diagram import diagram_panels
    from ..report.figures.search import error_panels, history_panel
    from ..report.ranking import ranking_csv, ranking_rows
    from ..report.searches import searches_of, title_of
    from ..report.structures import write_structures

    node = load_run(pk)
    if not node.is_terminated:
        raise InputError("PK", f"run {pk} has not ended", f"follow it with aiida-anhcsp status {pk} --watch")
    if folder.exists() and not force and (folder.is_file() or any(folder.iterdir())):
        raise InputError("FOLDER", f"{folder} exists and is not empty", "give another name, or --force")
    folder.mkdir(parents=True, exist_ok=True)
    ranking = folder / "ranking.csv"
    ranking.write_text(ranking_csv(ranking_rows(node)))
    click.echo(f"ranking   {ranking}")
    if "phase_diagram" in node.outputs:
        panels = diagram_panels(node.outputs.phase_diagram.get_dict())
        click.echo(f"plot      {side_by_side(panels, folder / 'phase_diagram.png')}")
    structures = write_structures(node, folder / "structures", number, form)
    click.echo(f"{form:9} {folder / 'structures'} ({len(structures)} files)")
    for place, search in enumerate(searches_of(node), start=1):
        plot = folder / ("enthalpy_by_generation.png" if place == 1 else f"enthalpy_by_generation_{place}.png")
        panels = [history_panel(search), *error_panels(search)]
        click.echo(f"plot      {side_by_side(panels, plot, title_of(search))}")
    logging.getLogger("aiida.export").setLevel(logging.WARNING)
    click.echo(f"archive   {write_archive(node, folder / 'archive.aiida', overwrite=True)}")
