"""A search by free energy that runs to its end, in this process."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.integration
def test_copper_gold_is_ranked_by_its_free_energy(engine_code: Any, emt: Any) -> None:
    from aiida.engine import run_get_node
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.search import SearchWorkChain

    settings = {
        "formula": "CuAu",
        "pressure": 5.0,
        "population": 3,
        "generations": 2,
        "seed": 3,
        "fitness": "gibbs",
        "relax": {"fmax": 0.01, "max_steps": 200},
        "operators": {"random": 0.5, "strain": 0.5},
    }
    sscha = {"temperature": 300.0, "stages": ["1x1x1:20", "1x1x1:40"], "seed": 1, "repeats": 0}
    outputs, node = run_get_node(
        SearchWorkChain,
        code=engine_code,
        potential=emt,
        settings=Dict(settings),
        sscha={"settings": Dict(sscha)},
    )
    for frame in outputs["population"].get_frames():
        print(frame.info)
    print(outputs["history"].get_dict())
    from aiida.cmdline.utils.common import get_workchain_report

    print(get_workchain_report(node, "REPORT"))
    assert node.is_finished_ok, node.exit_message
