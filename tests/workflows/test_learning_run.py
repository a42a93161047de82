"""A search that learns, from a potential trained on the spot to its last labels, in this process."""

from __future__ import annotations

from typing import Any

import pytest
from ase import Atoms

from aiida_anhcsp.engine.frames import with_labels
from aiida_anhcsp.engine.search.distort import distort
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.settings import SearchSettings

from .conftest import SEARCH

SYMMETRIC = {**SEARCH, "displacement": 0.0}
NEW = 'mattersim:new:{"num_blocks": 1, "units": 8, "max_l": 2, "max_n": 2, "cutoff": 5.0, "threebody_cutoff": 3.5}'

TRAIN = {"epochs": 60, "learning_rate": 5e-3, "split": {"validation": 0.0, "test": 0.0}}
"""Four structures a generation are too few to hold any out: of half of them the other half says little."""


def labelled_by_emt(number: int) -> list[Atoms]:
    """Random Cu-Au structures, distorted, with their energies, forces and stresses."""
    from ase.calculators.emt import EMT

    frames = []
    settings = SearchSettings.parse({**SYMMETRIC, "seed": 11, "population": number})
    for frame in distort(random_population(settings), 2, seed=5):
        frame.calc = EMT()
        labels = frame.get_potential_energy(), frame.get_forces(), frame.get_stress()
        frames.append(with_labels(frame, *labels, label_origin="ase"))
    return frames


@pytest.mark.slow
def test_search_learns_from_new_labels_in_every_generation(engine_code: Any, emt: Any) -> None:
    from aiida.engine import run_get_node
    from aiida.orm import Dict, Str

    from aiida_anhcsp.data.population import PopulationData
    from aiida_anhcsp.workflows.finetune import FinetuneWorkChain
    from aiida_anhcsp.workflows.search import SearchWorkChain

    first, node = run_get_node(
        FinetuneWorkChain,
        code=engine_code,
        dataset=PopulationData.from_frames(labelled_by_emt(15)),
        new=Str(NEW),
        settings=Dict({"epochs": 40, "learning_rate": 1e-2, "batch_size": 8, "seed": 1}),
    )
    assert node.is_finished_ok, node.exit_message
    outputs, node = run_get_node(
        SearchWorkChain,
        code=engine_code,
        potential=first["potential"],
        settings=Dict({**SYMMETRIC, "generations": 2}),
        learning={
            "settings": Dict({"number": 4, "distortions": 3, "replay": 8, "train": TRAIN}),
            "label_engine": "anhcsp.label.ase",
            "label": {"code": engine_code, "potential": emt},
        },
    )
    assert node.is_finished_ok, node.exit_message
    rows = outputs["history"]["generations"]
    assert [row["generation"] for row in rows] == [0, 1]
    assert outputs["dataset"].base.attributes.get("labelled") == sum(row["labelled"] for row in rows)
    assert outputs["potential"].uuid != first["potential"].uuid
    for row in rows:
        assert row["rmse_after"]["energy"] < row["rmse_before"]["energy"]
    assert outputs["population"].creator is not None
    labels = {child.label for child in node.called}
    assert {
        "generation_001_vary",
        "generation_001_label",
        "generation_001_finetune",
        "generation_001_refresh",
    } <= labels
