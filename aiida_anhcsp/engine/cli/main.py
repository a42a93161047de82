"""Entry point of ``anhcsp-engine``; a command's module is imported when it is used."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from ... import __version__
from ...version import VARIABLE, differs
from ..errors import InputError

COMMANDS = {
    "correct": "Correct an SSCHA free energy to a reference potential by perturbation.",
    "draw": "Configurations of an SSCHA result, to be labelled.",
    "distort": "Distort structures at random, to be labelled.",
    "evaluate": "Energies, forces and stresses of frames.",
    "generate": "Random symmetric structures.",
    "grade": "Extrapolation grades of frames.",
    "hessian": "Free-energy Hessian and dispersions of an SSCHA result.",
    "qualify": "Physical examination of a potential for a system.",
    "rank": "Duplicates and fitness of a population.",
    "relax": "Relax frames at a pressure.",
    "search": "An evolutionary search in one process.",
    "sscha": "Relax a structure on its quantum anharmonic free energy.",
    "step": "One SSCHA population on labels made elsewhere.",
    "train": "Train or finetune a potential.",
    "vary": "Offspring of a population.",
}


class EngineGroup(click.Group):
    """Commands loaded on first use, so that ``--help`` does not wait for torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"aiida_anhcsp.engine.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=EngineGroup, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="anhcsp-engine")
def engine() -> None:
    """Compute storey of aiida-anhcsp.

    Units: eV, angstrom, GPa, K. Frames are extended XYZ. Exit status: 0 when the command did its work (bad
    structures included), 2 for bad input with one line that names the argument and the fix, 1 otherwise.
    """


def require_version(plugin: str | None) -> None:
    """Refuse to work for a plugin of another version, which a job names in its environment.

    :raises InputError: the versions must not work together.
    """
    if plugin is not None and differs(plugin):
        fix = f"install aiida-anhcsp[engine]=={plugin} where the jobs run"
        raise InputError(VARIABLE, f"this engine is {__version__}, the plugin that sent the job {plugin}", fix)


def main(arguments: list[str] | None = None) -> Any:
    """Run ``anhcsp-engine`` and exit with its status."""
    os.environ.setdefault("SPGLIB_WARNING", "OFF")  # or it tells of every tolerance at which it finds nothing
    try:
        require_version(os.environ.get(VARIABLE))
        engine.main(args=arguments, standalone_mode=False)
    except InputError as error:
        click.echo(f"anhcsp-engine: {error}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        click.echo(f"anhcsp-engine: {' '.join(error.format_message().split())}; see --help", err=True)
        sys.exit(2)
    except click.Abort:
        sys.exit(1)


if __name__ == "__main__":
    main()
