"""``aiida-anhcsp archive``: all that a ranking rests on, as an AiiDA archive."""

from __future__ import annotations

import logging
from pathlib import Path

import click
from aiida.cmdline.utils.decorators import with_dbenv

from .status import load_run


@click.command("archive")
@click.argument("pk", metavar="PK")
@click.argument("path", metavar="FILE.aiida", type=click.Path(path_type=Path))
@click.option("--with-potcars", is_flag=True, help="Include POTCAR files; their licence may forbid to hand them on.")
@click.option("--force", is_flag=True, help="Overwrite FILE.aiida.")
@with_dbenv()
def command(pk: str, path: Path, with_potcars: bool, force: bool) -> None:
    """Write all that the results of the run PK rest on into FILE.aiida.

    verdi archive import reads it into any profile, on any database; ranking, report and figures come out the same.
    POTCAR files stay out, and the calculations that used them keep everything else; so do checkpoints, which are code.
    """
    from ..report.archive import write_archive

    logging.getLogger("aiida.export").setLevel(logging.WARNING)
    click.echo(f"archive   {write_archive(load_run(pk), path, with_potcars=with_potcars, overwrite=force)}")
