"""Every command in README and documentation exists, with its options, arguments and files."""

from __future__ import annotations

import re
from typing import Any

import click
import pytest
from aiida.cmdline.commands.cmd_verdi import verdi

from aiida_anhcsp.cli.main import program
from aiida_anhcsp.engine.cli.main import engine

from .commands import COMMANDS, ROOT, Command

PROGRAMS: dict[str, click.Command] = {"aiida-anhcsp": program, "anhcsp-engine": engine, "verdi": verdi}
SHELL = {"source", "export", "pip", "cp", "ssh", "eval"}
IN_REPOSITORY = re.compile(r"(examples|benchmarks|scripts|aiida_anhcsp)/[\w./-]+\.(py|sh|yaml|extxyz)")


def parse(command: click.Command, name: str, words: list[str], parent: click.Context | None = None) -> None:
    """Parse a command line down to its last subcommand, without running anything.

    :raises click.UsageError: an unknown command or option, a missing or superfluous argument, a value that is no choice
    """
    context = type(command).context_class(command, info_name=name, parent=parent)
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    for option in command.get_params(context):
        given = values.get(option.name or "")
        if isinstance(option, click.Argument) and option.required and given in (None, ()):
            raise click.UsageError(f"{name}: {option.name} is missing")
        if isinstance(option.type, click.Choice) and isinstance(given, str):
            option.type.convert(given, option, context)
    if not isinstance(command, click.Group):
        if rest:
            raise click.UsageError(f"{name}: {rest} are too many")
        return
    if rest:
        subcommand = command.get_command(context, rest[0])
        if subcommand is None:
            raise click.UsageError(f"{name}: no command {rest[0]}")
        parse(subcommand, rest[0], rest[1:], context)


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.words[0] in PROGRAMS], ids=str)
def test_a_documented_command_is_understood(aiida_profile: Any, command: Command) -> None:
    name, *words = command.words
    parse(PROGRAMS[name], name, words)


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.words[0] == "make"], ids=str)
def test_a_documented_target_of_make_exists(command: Command) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {word for word in command.words[1:] if "=" not in word} <= set(targets)


def test_every_documented_program_is_known() -> None:
    others = {command.words[0] for command in COMMANDS} - set(PROGRAMS) - SHELL
    assert others <= {"make", "python", "aiida-vasp"}


def test_documented_files_of_the_repository_exist() -> None:
    words = [word for command in COMMANDS for word in command.words]
    modules = [f"{word.replace('.', '/')}.py" for word in words if word.startswith("benchmarks.")]
    files = [word for word in words if IN_REPOSITORY.fullmatch(word)]
    assert [name for name in (*files, *modules) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("aiida-anhcsp lunch csp input.yaml", "no command lunch"),
        ("aiida-anhcsp ranking", "pk is missing"),
        ("aiida-anhcsp ranking 1 2", "too many"),
        ("aiida-anhcsp ranking 1 --cvs", "--cvs"),
        ("aiida-anhcsp setup --database mysql", "mysql"),
        ("verdi process state 1", "`state` is not"),
    ],
)
def test_a_command_that_does_not_exist_would_be_noticed(aiida_profile: Any, line: str, words: str) -> None:
    name, *rest = line.split()
    with pytest.raises(click.UsageError) as caught:
        parse(PROGRAMS[name], name, rest)
    assert words in caught.value.format_message()
