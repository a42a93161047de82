"""The program as a whole."""

from __future__ import annotations

from collections.abc import Callable

import click
import pytest
from aiida.manage import get_manager
from aiida.manage.configuration import get_config
from aiida.plugins.entry_point import load_entry_point

from aiida_anhcsp.cli.main import COMMANDS, command, program


def test_verdi_data_has_the_same_commands() -> None:
    mounted = load_entry_point("aiida.cmdline.data", "anhcsp")
    assert mounted is command
    context = click.Context(program)
    assert program.list_commands(context) == command.list_commands(context) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(program: Callable, name: str) -> None:
    result = program(name, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: anhcsp {name}")


@pytest.mark.parametrize("name", ["status", "ranking", "export"])
def test_a_run_that_does_not_exist_is_named_in_one_line(program: Callable, name: str) -> None:
    result = program(name, "424242", *(["folder"] if name == "export" else []))
    assert result.exit_code == 2
    assert result.output == "Error: PK: no node '424242'; see verdi process list -a\n"


def test_a_node_that_is_no_run_is_named(program: Callable) -> None:
    from aiida.orm import Int

    node = Int(1).store()
    result = program("status", str(node.pk))
    assert result.exit_code == 2
    assert "no run" in result.output


def test_without_a_profile_the_way_to_one_is_said(program: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_manager(), "get_profile", lambda: None)
    monkeypatch.setattr(type(get_config()), "default_profile_name", None)
    result = program("ranking", "1")
    assert result.exit_code == 2
    assert result.output.startswith("Error: profile: no default AiiDA profile in ")
    assert "run aiida-anhcsp setup --new-profile NAME" in result.output
    assert program("ranking", "--help").exit_code == 0
