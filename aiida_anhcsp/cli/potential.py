"""``aiida-anhcsp potential``: import potentials and list them."""

from __future__ import annotations

import click
from aiida.cmdline.utils.decorators import with_dbenv


@click.group("potential")
def command() -> None:
    """Import potentials and list them."""


@command.command("import")
@click.argument("specification", metavar="SPEC")
@click.option("--label", help="What to call it in input files; the name of the model or file if not given.")
@with_dbenv()
def import_potential(specification: str, label: str | None) -> None:
    """Store the potential SPEC: mattersim:NAME_OR_FILE, mtp:FILE or ase:MODULE:CALLABLE[:JSON].

    The node holds the model file itself. A potential that is stored already is not stored again.
    """
    from .inputs.potentials import from_specification

    node = from_specification(specification, field="SPEC")
    stored_before = node.is_stored
    node.store()
    if label is not None:
        node.label = label
    elif not node.label:
        node.label = node.base.attributes.get("name", specification)
    click.echo(f"PK {node.pk}, label {node.label}" + (" (stored already)" if stored_before else ""))


@command.command("list")
@with_dbenv()
def list_potentials() -> None:
    """List the stored potentials."""
    from aiida.orm import QueryBuilder
    from tabulate import tabulate

    from ..data.potential import PotentialData

    nodes = QueryBuilder().append(PotentialData).order_by({PotentialData: "id"}).all(flat=True)
    rows = [
        (
            node.pk,
            node.label,
            node.kind,
            " ".join(node.elements) if node.elements else "any",
            node.cutoff,
            node.base.attributes.get("sha256")[:12],
            "trained" if node.creator is not None else "imported",
        )
        for node in nodes
    ]
    click.echo(tabulate(rows, headers=["PK", "label", "kind", "elements", "cutoff (A)", "SHA-256", "origin"]))
