"""What a run has done, on the command line."""

from __future__ import annotations

from aiida.orm import WorkChainNode
from click.testing import CliRunner

from aiida_anhcsp.cli.main import command


def test_watching_a_run_that_has_ended_tells_structures_operators_and_errors(whole: WorkChainNode) -> None:
    result = CliRunner().invoke(command, ["status", str(whole.pk), "--watch"])
    assert result.exit_code == 0, result.output
    for words in ("structures relaxed", "heredity 1 of 1, random 1 of 2", "RMSE 10.0 meV/atom, 50 meV/angstrom"):
        assert words in result.output
