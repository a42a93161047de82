"""``aiida-anhcsp ranking``: table of the structures a run found."""

from __future__ import annotations

import json

import click
from aiida.cmdline.utils.decorators import with_dbenv

from .status import load_run


@click.command("ranking")
@click.argument("pk", metavar="PK")
@click.option("--json", "form", flag_value="json", help="As JSON, with all digits.")
@click.option("--csv", "form", flag_value="csv", help="As comma-separated values, with all digits.")
@with_dbenv()
def command(pk: str, form: str | None) -> None:
    """Rank the structures of the run PK: by free energy after SSCHA, by enthalpy after a search."""
    from ..report.identical import identical_text
    from ..report.ranking import ranking_csv, ranking_rows, ranking_table
    from ..report.study import study_text
    from ..report.transitions import transition_table

    node = load_run(pk)
    study = node.outputs.study.get_dict() if "study" in node.outputs else None
    rows = ranking_rows(node) if study is None else study["rows"]
    if form == "json":
        click.echo(json.dumps(rows, indent=1))
    elif form == "csv":
        click.echo(ranking_csv(rows), nl=False)
    elif study is not None:
        click.echo(study_text(study))
    else:
        click.echo(ranking_table(rows))
        if "ranking" in node.outputs and (identical := identical_text(node.outputs.ranking.get_dict())):
            click.echo(f"\n{identical}")
        if "phase_diagram" in node.outputs:
            click.echo(f"\n{transition_table(node.outputs.phase_diagram.get_dict())}")
