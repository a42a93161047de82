"""Options that several commands share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def potential_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--potential --device --threads --batch-atoms``, as the arguments of ``load_potential``."""
    return _potential_options(command, required=True)


def optional_potential_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same, where ``--potential`` may be left out."""
    return _potential_options(command, required=False)


def _potential_options(command: Callable[..., Any], required: bool) -> Callable[..., Any]:
    for option in (
        click.option(
            "--batch-atoms",
            type=click.IntRange(min=1),
            default=None,
            help="Most atoms evaluated in one call.  [default: 64; on a GPU what its memory holds]",
        ),
        click.option("--threads", type=click.IntRange(min=1), default=1, help="Threads of this process."),
        click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", help="Where to compute."),
        click.option(
            "--potential",
            "specification",
            required=required,
            metavar="SPEC",
            help="mattersim:NAME_OR_FILE, mtp:FILE, or ase:MODULE:CALLABLE[:JSON].",
        ),
    ):
        command = option(command)
    return command


def processes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--processes``: how many share the evaluation."""
    return click.option(
        "--processes",
        type=click.IntRange(min=1),
        default=1,
        help="Processes that share the work, each with --threads threads; one for each core is fastest.",
    )(command)


def seed_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--seed``, required: randomness is an input."""
    return click.option("--seed", type=click.IntRange(min=0), required=True, help="Seed of all randomness.")(command)


def log_to_terminal() -> None:
    """Send the engine's log to standard error, one plain line per message."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")


def checkpoint_of(out: Path) -> Path:
    """Where a command that writes ``out`` keeps how far it has come."""
    return out.with_name(f"{out.name}.checkpoint.npz")
