"""Passwords come from the environment or a prompt, never from the command line, where logs and other users see them."""

from __future__ import annotations

import os

import click

from ...engine.errors import InputError


def ask_password(variable: str, whose: str) -> str:
    """The password in the environment variable, or the one typed at the prompt.

    :raises InputError: there is neither.
    """
    given = os.environ.get(variable)
    if given:
        return given
    try:
        typed: str = click.prompt(f"Password of {whose}", hide_input=True)
    except click.Abort:
        fix = f"type it at the prompt, or set {variable}"
        raise InputError("password", f"none was given for {whose}", fix) from None
    return typed
