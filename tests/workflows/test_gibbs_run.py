"""A search by free energy that runs to its end, in this process."""

from __future__ import annotations

from typing import Any

import pytest

SETTINGS = {
    "formula": "CuAu",
    "pressure": 5.0,
    "population": 2,
    "generations": 2,
    "seed": 3,
    "fitness": "gibbs",
    "relax": {"fmax": 0.01, "max_steps": 200},
    "operators": {"random": 1},
}
SSCHA = {"temperature": 300.0, "stages": ["1x1x1:10"], "seed": 1, "repeats": 0, "window": 0.0, "seen": 1}


@pytest.mark.integration
def test_copper_gold_is_bred_and_ranked_by_its_free_energy(engine_code: Any, emt: Any) -> None:
    """The layered ground state of EMT, P4/mmm, ends on top; a second generation that is worse is given up early."""
    from aiida.engine import run_get_node
    from aiida.orm import Dict

    from aiida_anhcsp.engine.search.rank import lowest
    from aiida_anhcsp.workflows.search import SearchWorkChain

    outputs, node = run_get_node(
        SearchWorkChain,
        code=engine_code,
        potential=emt,
        settings=Dict(SETTINGS),
        sscha={"settings": Dict(SSCHA), "max_concurrent": 2},
    )
    print([frame.info for frame in outputs["population"].get_frames()])
    assert node.is_finished_ok, node.exit_message
    frames = outputs["population"].get_frames()
    ranked = lowest(frames)
    energies = [frame.info["gibbs_free_energy"] for frame in ranked]
    assert energies == sorted(energies)
    assert all(frame.info["gibbs_free_energy_error"] > 0 for frame in ranked)
    assert {len(frame) for frame in frames} == {2}
    runs = {child.label: child for child in node.called if child.process_label == "SschaWorkChain"}
    first = runs[f"generation_000_sscha_{ranked[0].info['id'].replace('-', '_')}"]
    assert sorted(child.label for child in first.called) == ["audit", "stage_1", "summary"]
    assert first.outputs.result["gibbs_free_energy"] == pytest.approx(energies[0])
    later = [run for label, run in runs.items() if label.startswith("generation_001")]
    assert all(run.inputs.give_up["threshold"] == pytest.approx(energies[0]) for run in later)
