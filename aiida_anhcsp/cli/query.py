"""``aiida-anhcsp query``: questions to the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from aiida.cmdline.utils.decorators import with_dbenv

from ..engine.errors import InputError
from .status import load_run

if TYPE_CHECKING:
    from ase import Atoms


@click.group("query")
def command() -> None:
    """Ask where structures and numbers come from, and what is known."""


@command.command("ancestry")
@click.argument("pk", metavar="PK")
@click.argument("identity", metavar="ID")
@click.option("--pressure", type=float, help="Of the search in GPa, where the run has several.")
@with_dbenv()
def ancestry_command(pk: str, identity: str, pressure: float | None) -> None:
    """The structure ID of the run PK and its ancestors, back to random ones; through seeds into earlier runs."""
    from tabulate import tabulate

    from ..report.queries import ancestry, parents_of, search_at

    rows = [
        (
            known.frame.info["id"],
            known.frame.info.get("operator", ""),
            known.frame.info.get("seed_of") or " ".join(parents_of(known.frame)),
            known.frame.info.get("spacegroup", ""),
            f"{known.frame.info['enthalpy']:.4f}"
            if "enthalpy" in known.frame.info
            else known.frame.info.get("status", ""),
            known.search.pk,
        )
        for known in ancestry(search_at(load_run(pk), pressure), identity)
    ]
    headers = ["structure", "made by", "parents", "space group", "H (eV/atom)", "search"]
    click.echo(tabulate(rows, headers=headers, disable_numparse=True))


@command.command("behind")
@click.argument("pk", metavar="PK")
@click.argument("identity", metavar="ID")
@click.option("--pressure", type=float, help="GPa, where the ranking has several.")
@click.option("--temperature", type=float, help="K, where the ranking has several.")
@with_dbenv()
def behind_command(pk: str, identity: str, pressure: float | None, temperature: float | None) -> None:
    """Labels, training sets and model hash behind the energy of the structure ID in the ranking of the run PK."""
    from ..report.queries import behind_free_energy
    from ..report.ranking import ranking_rows

    node = load_run(pk)
    rows = [
        row
        for row in ranking_rows(node)
        if row["id"] == identity
        and pressure in (None, row.get("pressure"))
        and temperature in (None, row.get("temperature"))
    ]
    if not rows:
        raise InputError("ID", f"the ranking of run {pk} has no {identity}", f"see aiida-anhcsp ranking {pk}")
    for row in rows:
        found = behind_free_energy(node, row)
        at = f" at {row['pressure']:g} GPa, {row['temperature']:g} K" if "temperature" in row else ""
        click.echo(f"{identity}{at}")
        for what, source in found["sources"].items():
            click.echo(f"  {what:<12} {source.uuid}")
        click.echo(f"  {'model SHA-256':<12} {found['sha256']}")
        for training in found["trainings"]:
            labelled = training.dataset.base.attributes.get("labelled", 0)
            click.echo(f"  trained by   {training.job.uuid} on {labelled} labels of {training.dataset.uuid}")
        last = found["trainings"][-1].start if found["trainings"] else found["potential"]
        if last is not None:
            click.echo(f"  imported as  {last.uuid} ({last.base.attributes.get('name', last.label)})")


@command.command("structures")
@click.argument("formula", metavar="FORMULA")
@click.option("--pressure", type=float, required=True, help="GPa.")
@click.option("--below", type=float, default=float("inf"), help="Enthalpy in eV/atom.")
@with_dbenv()
def structures_command(formula: str, pressure: float, below: float) -> None:
    """All relaxed structures of FORMULA at a pressure below an enthalpy, over all searches of the profile."""
    from tabulate import tabulate

    from ..engine.search.composition import parse_formula
    from ..report.queries import structures_of

    parse_formula(formula, "FORMULA")
    rows = [
        (
            known.search.pk,
            known.frame.info["id"],
            known.frame.get_chemical_formula(),
            known.frame.info.get("spacegroup", ""),
            f"{known.frame.info['enthalpy']:.4f}",
        )
        for known in structures_of(formula, pressure, below)
    ]
    headers = ["search", "structure", "formula", "space group", "H (eV/atom)"]
    click.echo(tabulate(rows, headers=headers, disable_numparse=True))


@command.command("changed")
@click.argument("first", metavar="PK1")
@click.argument("second", metavar="PK2")
@with_dbenv()
def changed_command(first: str, second: str) -> None:
    """The structures of two runs side by side: what another potential changed in enthalpy, rank and space group.

    Two relaxations of one population are compared by structure, other runs by crystal.
    """
    from tabulate import tabulate

    from ..report.queries import changed_between

    runs = load_run(first), load_run(second)
    rows = []
    for pair in changed_between(*runs):
        sides = pair.before, pair.after
        known = next(frame for frame in sides if frame is not None)
        cells = [["", "-", "", ""] if frame is None else _side(frame) for frame in sides]
        rows.append([known.get_chemical_formula(), *(cell for both in zip(*cells, strict=True) for cell in both)])
    names = ("structure", "rank", "H (eV/atom)", "space group")
    headers = ["formula", *(f"{name}, {run.pk}" for name in names for run in runs)]
    click.echo(tabulate(rows, headers=headers, disable_numparse=True))


def _side(frame: Atoms) -> list[str]:
    """Structure, rank, enthalpy and space group in one of two runs."""
    energy = f"{frame.info['enthalpy']:.4f}" if "enthalpy" in frame.info else str(frame.info.get("status", ""))
    return [str(frame.info["id"]), str(frame.info.get("rank", "-")), energy, str(frame.info.get("spacegroup", ""))]
