"""``aiida-anhcsp doctor``: what is wrong with this profile, and the fix."""

from __future__ import annotations

import click
from aiida.cmdline.utils.decorators import with_dbenv


@click.command("doctor")
@click.option("--repair", "mend", is_flag=True, help="Revive stuck processes, stop orphaned workers, start the daemon.")
@with_dbenv()
def command(mend: bool) -> None:
    """Check daemon, processes, slots, codes, versions, potentials and disk; exit status 1 if something is wrong.

    With --repair the daemon is put in order first: workers whose daemon was killed are stopped, processes that nobody
    would ever continue are revived (verdi process repair), the daemon is started, and what is paused goes on: AiiDA
    pauses jobs after five failed attempts to reach a machine. Jobs at work are not touched.
    """
    from .health import checks
    from .health.repair import repair

    if mend:
        for line in repair():
            click.echo(line)
    findings = [
        finding
        for check in (
            checks.check_daemon,
            checks.check_processes,
            checks.check_slots,
            checks.check_codes,
            checks.check_weights,
            checks.check_disk,
        )
        for finding in check()
    ]
    for finding in findings:
        click.echo(str(finding))
    if not all(finding.is_well for finding in findings):
        click.get_current_context().exit(1)
