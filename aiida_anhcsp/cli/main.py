"""Entry points of ``aiida-anhcsp`` and ``verdi data anhcsp``: the same commands, each imported when it is used."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click
from aiida.cmdline.groups.verdi import VerdiContext
from aiida.cmdline.params import options, types
from aiida.common.exceptions import ConfigurationError
from aiida.manage import get_manager
from aiida.manage.configuration import get_config
from aiida.manage.configuration.settings import AiiDAConfigDir

from .. import __version__
from ..engine.errors import InputError
from .inputs.problems import InvalidInputError

COMMANDS = {
    "archive": "Write an archive of all that a ranking rests on.",
    "dataset": "Labelled datasets in and out, merged, filtered and split.",
    "doctor": "Check daemon, codes, versions and disk, and repair the daemon.",
    "export": "Write archive, structures and plot of a run into a folder.",
    "launch": "Check an input file and submit what it describes.",
    "potential": "Import potentials and list them.",
    "query": "Ancestry of a structure, what is behind a number, what is known of a formula.",
    "ranking": "Table of the structures a run found.",
    "report": "One HTML page with everything a run found.",
    "setup": "Make a profile; set up this machine as a computer, with its codes.",
    "status": "What a run has done and is doing.",
}
MAKES_PROFILES = "setup"
BAD_INPUT = 2


class CommandGroup(click.Group):
    """Commands loaded on first use; bad input ends with one line and exit status 2."""

    context_class = VerdiContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        loaded: click.Command = importlib.import_module(f"aiida_anhcsp.cli.{cmd_name}").command
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        asks_only = ctx.resilient_parsing or set(ctx.help_option_names) & set(rest)
        if name != MAKES_PROFILES and not asks_only:
            require_profile()
        return name, found, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (InputError, InvalidInputError, ConfigurationError) as error:
            for line in str(error).splitlines():
                click.echo(f"Error: {line}", err=True)
            ctx.exit(BAD_INPUT)


def require_profile() -> None:
    """Say how to make a profile where there is none to work in.

    :raises InputError: none is loaded, and none is the default.
    """
    if get_manager().get_profile() is None and get_config().default_profile_name is None:
        fix = "run aiida-anhcsp setup --new-profile NAME; or see all of it with make demo"
        raise InputError("profile", f"no default AiiDA profile in {AiiDAConfigDir.get()}", fix)


DESCRIPTION = """Crystal structure prediction with quantum anharmonic ions, as AiiDA work chains.

Units: eV, angstrom, GPa, K. Bad input ends with exit status 2 and one line that names the field and the fix; nothing
is submitted then.
"""
CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True}


@click.group("anhcsp", cls=CommandGroup, help=DESCRIPTION, context_settings=CONTEXT)
def command() -> None:
    """Mounted as ``verdi data anhcsp``, whose ``--profile`` applies."""


@click.group("aiida-anhcsp", cls=CommandGroup, help=DESCRIPTION, context_settings=CONTEXT)
@options.PROFILE(type=types.ProfileParamType(load_profile=True), expose_value=False)
@click.version_option(__version__, prog_name="aiida-anhcsp")
def program() -> None:
    """The program of its own, with a ``--profile``."""


def main() -> None:
    """Run ``aiida-anhcsp`` and exit with its status."""
    sys.exit(program())
