"""``aiida-anhcsp status``: what a run has done and is doing."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

import click
from aiida.cmdline.utils.decorators import with_dbenv

from ..engine.errors import InputError
from .daemon import Supervisor, broker_has_no_worker, daemon_is_running

if TYPE_CHECKING:
    from aiida.orm import ProcessNode

POLL_SECONDS = 5.0


@click.command("status")
@click.argument("pk", metavar="PK")
@click.option("--watch", is_flag=True, help="Follow the run until it ends; interrupting this does not stop the run.")
@click.option("--keep-going", is_flag=True, help="While watching, restart workers that the broker has given up.")
@with_dbenv()
def command(pk: str, watch: bool, keep_going: bool) -> None:
    """What the run PK has done and is doing: generation, structures, labels, lowest enthalpy, running jobs."""
    from ..report.hessians import stability_lines
    from ..report.progress import messages_of, progress_of

    node = load_run(pk)
    if watch:
        follow(node, keep_going)
        return
    for _, when, name, text in messages_of(node):
        click.echo(f"{when.astimezone():%H:%M:%S} {name}: {text}")
    click.echo(progress_of(node).line)
    for line in (*operator_lines(node), *stability_lines(node)):
        click.echo(line)
    warn_without_daemon(node)


def load_run(pk: str) -> ProcessNode:
    """The process with this PK or UUID.

    :raises InputError: there is no such node, or it is no process.
    """
    from aiida.common.exceptions import MultipleObjectsError, NotExistent
    from aiida.orm import ProcessNode, load_node

    try:
        node = load_node(pk)
    except (NotExistent, MultipleObjectsError, ValueError) as error:
        raise InputError("PK", f"no node {pk!r}", "see verdi process list -a") from error
    if not isinstance(node, ProcessNode):
        raise InputError(
            "PK", f"node {pk} is no run but of the type {type(node).__name__}", "see verdi process list -a"
        )
    return node


def operator_lines(node: ProcessNode) -> list[str]:
    """For each search of a run that has made something, how much of what each operator made was relaxed."""
    from ..report.searches import operators_of, searches_of

    lines = []
    for search in searches_of(node):
        made = [f"{row['operator']} {row['relaxed']} of {row['made']}" for row in operators_of(search)]
        if made:
            lines.append(f"relaxed by operator, search {search.pk}: {', '.join(made)}")
    return lines


def follow(node: ProcessNode, keep_going: bool = False) -> None:
    """Print what the run reports, as it comes, and where it stands; exit status 1 when it ends badly.

    On a terminal the last line is rewritten in place; elsewhere it is printed when something has changed.
    """
    from ..report.processes import state_of
    from ..report.progress import latest, messages_of, progress_of

    supervisor = Supervisor()
    live = sys.stdout.isatty()
    seen, before, told = 0, "", set[str]()
    warn_without_daemon(node)
    while True:
        ended = node.is_terminated
        messages = messages_of(node, after=seen)
        line = progress_of(node).line
        if live:
            click.echo("\r\033[K", nl=False)
        for _, when, name, text in messages:
            click.echo(f"{when.astimezone():%H:%M:%S} {name}: {text}")
        seen = latest(messages, seen)
        if messages or ended:
            news = [text for text in operator_lines(node) if text not in told]
            told |= set(news)
            for text in news:
                click.echo(text)
        if ended:
            click.echo(line)
            break
        if live:
            click.echo(line[: shutil.get_terminal_size().columns - 1], nl=False)
        elif line != before:
            click.echo(line)
        before = line
        restarted = supervisor.check() if keep_going else None
        if restarted is not None:
            click.echo(f"\n{restarted}" if live else restarted)
        sys.stdout.flush()
        release_database()
        time.sleep(POLL_SECONDS)
    if not node.is_finished_ok:
        click.echo(f"the run ended badly: {state_of(node)}", err=True)
        click.get_current_context().exit(1)


def release_database() -> None:
    """End the read transaction: a reader that sleeps inside one keeps the daemon from writing to SQLite."""
    from aiida.manage import get_manager

    get_manager().get_profile_storage().get_session().rollback()


def warn_without_daemon(node: ProcessNode) -> None:
    """Say so if nobody works on the run."""
    if not node.is_terminated and not daemon_is_running():
        click.echo("the daemon is not running, so nothing goes on; start it with verdi daemon start", err=True)
    elif not node.is_terminated and broker_has_no_worker():
        click.echo("the broker has given up the daemon's workers; run verdi daemon restart", err=True)
