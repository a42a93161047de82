"""The whole path with a cheap potential, in this process: search, SSCHA by stages, ranking."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.slow
def test_copper_is_ranked_by_its_free_energy(engine_code: Any, emt: Any) -> None:
    from aiida.engine import run_get_node
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.csp import CspWorkChain

    settings = {
        "formula": "Cu",
        "formula_units": "1",
        "pressure": 10.0,
        "population": 4,
        "generations": 1,
        "seed": 2,
        "relax": {"fmax": 0.005, "max_steps": 300},
    }
    finalists = {"number": 1, "temperatures": [0.0], "stages": ["2x2x2:20", "2x2x2:40"], "seed": 1}
    outputs, node = run_get_node(
        CspWorkChain,
        search={"code": engine_code, "potential": emt, "settings": Dict(settings)},
        sscha={"settings": Dict(finalists)},
    )
    assert node.is_finished_ok, node.exit_message
    (row,) = outputs["ranking"]["rows"]
    assert row["rank"] == 1
    assert row["gibbs_free_energy"] > row["enthalpy"]
    (run,) = [child for child in node.called if child.process_label == "SschaWorkChain"]
    assert sorted(child.label for child in run.called) == ["audit", "stage_1", "stage_2", "summary"]
    assert run.outputs.result["final"]["volume"] > run.outputs.result["initial"]["volume"]
