"""Two storeys, one staircase: the engine knows no AiiDA, the AiiDA storey computes nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "aiida_anhcsp"
HEAVY = {"torch", "mattersim", "sscha", "cellconstructor", "pyxtal", "motep", "chgnet"}
AIIDA_STOREY = ("data", "calculations", "parsers", "workflows", "cli", "report")
SCRIPTS = {"gpaw_frames.py"}
"""Input of jobs, run by another interpreter and imported by nobody."""


def modules(*rooms: str) -> list[Path]:
    return [path for room in rooms for path in sorted((PACKAGE / room).rglob("*.py")) if path.name not in SCRIPTS]


def imported(path: Path, *, everywhere: bool) -> set[str]:
    """First names of the modules a file imports, in functions too or at module level only."""
    tree = ast.parse(path.read_text())
    nodes: Iterator[ast.AST] = ast.walk(tree) if everywhere else _at_import(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _at_import(child)


def loaded_by(names: list[str]) -> set[str]:
    """First names of everything a fresh interpreter has loaded after importing these modules."""
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return {name.split(".")[0] for name in result.stdout.split()}


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", modules("engine"), ids=dotted)
def test_the_engine_imports_no_aiida(path):
    assert not {name for name in imported(path, everywhere=True) if name.startswith("aiida") and name != PACKAGE.name}


@pytest.mark.parametrize("path", modules("workflows"), ids=dotted)
def test_work_chains_import_nothing_heavy_anywhere(path):
    assert not HEAVY & imported(path, everywhere=True)


@pytest.mark.parametrize("path", modules(*AIIDA_STOREY), ids=dotted)
def test_the_aiida_storey_imports_nothing_heavy_at_module_level(path):
    assert not HEAVY & imported(path, everywhere=False)


def test_importing_the_aiida_storey_loads_nothing_heavy():
    assert not HEAVY & loaded_by([dotted(path) for path in modules(*AIIDA_STOREY)])


def test_importing_the_engine_s_command_line_loads_no_aiida():
    assert "aiida" not in loaded_by(["aiida_anhcsp.engine.cli.main"])


def test_every_job_runs_one_engine_command():
    """The staircase: each CalcJob names one command of the engine, and none runs anything else."""
    from aiida.plugins import CalculationFactory
    from aiida.plugins.entry_point import get_entry_point_names

    from aiida_anhcsp.calculations.base import EngineCalculation
    from aiida_anhcsp.engine.cli.main import COMMANDS

    names = [name for name in get_entry_point_names("aiida.calculations") if name.startswith("anhcsp.")]
    for name in names:
        calculation = CalculationFactory(name)
        assert issubclass(calculation, EngineCalculation)
        assert calculation.COMMAND in COMMANDS
        assert name == f"anhcsp.{calculation.COMMAND}"
