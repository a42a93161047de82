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
    "displacement": 0.0,
}
STAGES = {"stages": ["1x1x1:10"], "seed": 1, "repeats": 0, "match_q_density": False}
SSCHA = {"temperature": 300.0, **STAGES, "window": 0.0, "seen": 1}


@pytest.mark.slow
def test_copper_gold_is_bred_and_ranked_by_its_free_energy(engine_code: Any, emt: Any) -> None:
    """The layered ground state of EMT, P4/mmm, ends on top.

    Of the second generation one structure is worse, and given up after its first stage; the other is the ground state
    again, and not computed a second time.
    """
    from aiida.engine import run_get_node
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.search import SearchWorkChain

    outputs, node = run_get_node(
        SearchWorkChain,
        code=engine_code,
        potential=emt,
        settings=Dict(SETTINGS),
        sscha={"settings": Dict(SSCHA), "max_concurrent": 2},
    )
    assert node.is_finished_ok, node.exit_message
    frames = {frame.info["id"]: frame.info for frame in outputs["population"].get_frames()}
    best, second = frames["g000-0001"], frames["g000-0000"]
    assert (best["rank"], second["rank"]) == (1, 2)
    assert best["spacegroup_final"] == "P4/mmm"
    assert 0 < best["gibbs_free_energy_error"] < second["gibbs_free_energy"] - best["gibbs_free_energy"]
    assert frames["g001-0000"]["sscha"] == "given_up"
    assert "rank" not in frames["g001-0000"]
    assert frames["g001-0001"]["free_energy_of"] == frames["g001-0001"]["duplicate_of"] == "g000-0001"

    runs = {child.label: child for child in node.called if child.process_label == "SschaWorkChain"}
    first, given_up = runs["generation_000_sscha_g000_0001"], runs["generation_001_sscha_g001_0000"]
    assert len(runs) == 3
    assert sorted(child.label for child in first.called) == ["audit", "stage_1", "summary"]
    assert first.outputs.result["gibbs_free_energy"] == pytest.approx(best["gibbs_free_energy"])
    assert sorted(child.label for child in given_up.called) == ["stage_1", "summary"]
    assert given_up.inputs.give_up["threshold"] == pytest.approx(best["gibbs_free_energy"])
    counts = [row["sscha"] for row in outputs["history"]["generations"]]
    assert counts == [{"converged": 2}, {"given_up": 1, "converged": 1}]
