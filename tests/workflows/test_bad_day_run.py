"""Structures, labels and SSCHA that fail: runs end well and their reports name each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiida_anhcsp.report.failures import failures_of
from aiida_anhcsp.report.page.write import write_page

from ..conftest import ENGINE

EXECUTABLES = Path(__file__).parents[1] / "executables"
SEARCH = {
    "formula": "Cu",
    "formula_units": "1-6",
    "pressure": 10.0,
    "population": 12,
    "generations": 1,
    "seed": 2,
    "relax": {"fmax": 0.01, "max_steps": 100},
}


@pytest.fixture
def unreliable(aiida_code_installed: Callable) -> dict[str, Any]:
    """An engine that finds the unreliable calculator, and that as a potential."""
    from aiida_anhcsp.data.potential import PotentialData

    code = aiida_code_installed(
        label="engine-of-bad-days", filepath_executable=str(ENGINE), prepend_text=f"export PYTHONPATH={EXECUTABLES}"
    )
    return {"code": code, "potential": PotentialData.from_callable("unreliable:Unreliable", {})}


@pytest.mark.slow
def test_a_run_with_garbage_and_without_a_free_energy_ends_and_names_each(
    unreliable: dict[str, Any], tmp_path: Path
) -> None:
    from aiida.engine import run_get_node
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.csp import CspWorkChain
    from aiida_anhcsp.workflows.label.ase import AseLabelWorkChain

    finalists = {"number": 1, "temperatures": [0.0], "stages": ["2x2x2:20"], "repeats": 0, "seed": 1}
    inputs = {"search": {**unreliable, "settings": Dict(SEARCH)}, "sscha": {"settings": Dict(finalists)}}
    outputs, node = run_get_node(CspWorkChain, **inputs)
    assert node.is_finished, node.exit_message
    (search,) = [child for child in node.called if child.process_label == "SearchWorkChain"]
    (made,) = [child for child in search.called if child.process_label == "GenerateCalculation"]
    garbage = {frame.info["id"] for frame in made.outputs.population.get_frames() if len(frame) == 3}
    assert 0 < len(garbage) < 6
    told = {failure.what: failure.reason for failure in failures_of(node)}
    assert garbage == {what.removeprefix("structure ") for what in told if what.startswith("structure ")}
    assert all("does not converge" in told[f"structure {identity}"] for identity in garbage)
    (row,) = outputs["ranking"]["rows"]
    assert not row.get("converged") and row["reason"]
    write_page(node, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert all(identity in page for identity in garbage)
    labels, node = run_get_node(AseLabelWorkChain, population=made.outputs.population, **unreliable)
    assert node.is_finished_ok, node.exit_message
    assert set(labels["report"]["failed"]) == garbage
    assert labels["population"].count == SEARCH["population"] - len(garbage)
