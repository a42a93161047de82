"""A potential learned while it is sampled, in this process, with a cheap reference."""

from __future__ import annotations

from typing import Any

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

SETTINGS = {
    "pressure": 10.0,
    "temperature": 300.0,
    "stages": ["2x2x2:20"],
    "sample": "2x2x2:30",
    "seed": 1,
    "fixed_cell": True,
    "first": 24,
    "batch": 6,
    "rounds": 4,
    "new": 'mtp:new:{"level": 4, "cutoff": 4.5, "radial_basis_size": 4}',
    "train": {"epochs": 40},
}


@pytest.mark.slow
def test_potential_is_learned_until_its_ensemble_adds_nothing(engine_code: Any, emt: Any) -> None:
    from aiida.engine import run_get_node
    from aiida.orm import Dict, Str, StructureData

    from aiida_anhcsp.workflows.active import ActiveSschaWorkChain

    copper = bulk("Cu", cubic=True, a=3.5)
    outputs, node = run_get_node(
        ActiveSschaWorkChain,
        code=engine_code,
        structure=StructureData(ase=copper),
        settings=Dict(SETTINGS),
        label_engine=Str("anhcsp.label.ase"),
        label={"code": engine_code, "potential": emt},
    )
    assert node.is_finished_ok, node.exit_message
    report = outputs["report"].get_dict()
    assert report["complete"] and report["rounds"][-1]["unknown"] == 0
    assert report["labels"] == outputs["dataset"].count >= 24
    assert report["mlip_calls_per_label"] == pytest.approx(report["mlip_calls"] / report["labels"])
    assert outputs["potential"].kind == "mtp"
    reference = copper.copy()
    reference.calc = EMT()
    static = reference.get_potential_energy() / 4
    assert outputs["result"]["free_energy"] / outputs["result"]["n_atoms"] == pytest.approx(static, abs=0.1)
