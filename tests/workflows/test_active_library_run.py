"""A library that grows over two structures, in this process, with a cheap reference."""

from __future__ import annotations

from typing import Any

import pytest
from ase.build import bulk

SETTINGS = {
    "pressure": 10.0,
    "temperature": 300.0,
    "stages": ["2x2x2:20"],
    "sample": "2x2x2:20",
    "seed": 1,
    "fixed_cell": True,
    "first": 24,
    "batch": 6,
    "rounds": 3,
    "threshold": 3,
    "new": 'mtp:new:{"level": 4, "cutoff": 4.5, "radial_basis_size": 4}',
    "train": {"epochs": 40},
}


@pytest.mark.slow
def test_second_start_of_one_crystal_reuses_what_the_first_has_learned(engine_code: Any, emt: Any) -> None:
    from aiida.engine import run_get_node
    from aiida.orm import Dict, Int, Str

    from aiida_anhcsp.data.population import PopulationData
    from aiida_anhcsp.workflows.active_library import ActiveLibraryWorkChain

    starts = []
    for name in ("a", "b"):
        copper = bulk("Cu", cubic=True, a=3.5)
        copper.info["id"] = name
        starts.append(copper)
    label = {"code": engine_code, "potential": emt}
    outputs, node = run_get_node(
        ActiveLibraryWorkChain,
        code=engine_code,
        structures=PopulationData.from_frames(starts),
        settings=Dict(SETTINGS),
        label_engine=Str("anhcsp.label.ase"),
        label=label,
        repeat=Int(1),
        correction={
            "settings": Dict({"target": 0.002, "reminimise": False}),
            "label_engine": Str("anhcsp.label.ase"),
            "label": label,
        },
    )
    assert node.is_finished_ok, node.exit_message
    study = outputs["study"].get_dict()
    rows = {row["id"]: row for row in study["rows"] if "rank" in row}
    assert rows["a"]["potential"] == "fresh" and rows["a"]["labels"] >= 24
    taken = [row for row in study["rows"] if row.get("library") == "a"]
    assert taken and taken[0]["labels"] < rows["a"]["labels"]
    (group,) = study["identical"]
    assert group["divergence"]["gibbs_free_energy"] < 100
    assert group["divergence"]["gibbs_free_energy_corrected"] < 10
    assert set(outputs["library"]) >= {"structure_000"}
