"""Runs that commands are told by PK."""

from __future__ import annotations

from collections.abc import Callable

from aiida.orm import Int


def test_what_is_no_run_is_named_by_its_type(program: Callable) -> None:
    pk = Int(1).store().pk
    result = program("status", str(pk))
    assert result.exit_code == 2
    assert result.output.strip() == f"Error: PK: node {pk} is no run but of the type Int; see verdi process list -a"
