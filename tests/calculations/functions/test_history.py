"""The history of a search."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def profile(aiida_profile: Any) -> None:
    """Nodes need a profile."""


def test_operators_earn_by_what_a_search_that_learns_has_left_behind(copper_frames: list[Any]) -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.calculations.functions.history import search_history
    from aiida_anhcsp.data.population import PopulationData
    from aiida_anhcsp.engine.search.rank import rank
    from aiida_anhcsp.engine.search.settings import SearchSettings

    keys = {"formula": "Cu4", "population": 4, "generations": 2, "seed": 1, "operators": {"random": 1, "strain": 1}}
    for number, frame in enumerate(copper_frames):
        frame.info |= {"id": f"g000-{number:04d}", "generation": 0, "operator": "random" if number else "strain"}
        frame.info |= {"status": "converged", "enthalpy": 1.0 + 0.1 * number}
    survivors = PopulationData.from_frames(rank(copper_frames[:1], SearchSettings.parse(keys)))
    made = PopulationData.from_frames(copper_frames)
    history = search_history(relax_000=made, rank_000=survivors, settings=Dict(keys))
    (row,) = history["generations"]
    mean = (1 + 1) / (4 + 2)
    strain, random = (1 + 2 * mean) / (1 + 2), 2 * mean / (3 + 2)
    assert row["rates"]["strain"] == pytest.approx(0.55 / 2 + 0.45 * strain / (strain + random))


def test_first_labels_are_told_beside_the_generations() -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.calculations.functions.history import search_history

    change = {"before": {"energy": 30.0}, "after": {"energy": 5.0}}
    history = search_history(
        label_initial=Dict({"labelled": 6, "failed": {}}), finetune_initial=Dict({"by_round": {"-1": change}})
    )
    assert history["initial"]["labelled"] == 6 and history["initial"]["rmse_after"] == {"energy": 5.0}
    assert history["generations"] == []


def test_a_generation_is_a_row_with_what_was_relaxed_labelled_and_learned(copper_frames: list[Any]) -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.calculations.functions.history import search_history
    from aiida_anhcsp.data.population import PopulationData

    for frame, status in zip(copper_frames, ("converged", "max_steps", "exploded", "converged"), strict=True):
        frame.info["status"] = status
        if status != "exploded":
            frame.info["enthalpy"] = 1.5
    change = {"before": {"energy": 30.0}, "after": {"energy": 5.0}}
    history = search_history(
        relax_000=PopulationData.from_frames(copper_frames),
        rank_000=PopulationData.from_frames(copper_frames),
        label_000=Dict({"labelled": 7, "failed": {"g000-0001-d00": "no convergence"}}),
        finetune_000=Dict({"by_round": {"0": change}}),
        rank_again_000=PopulationData.from_frames(copper_frames),
        relax_001=PopulationData.from_frames(copper_frames[:1]),
    )
    assert history["generations"] == [
        {
            "generation": 0,
            "relaxed": 3,
            "failed": 1,
            "lowest_enthalpy": 1.5,
            "lowest_enthalpy_after": 1.5,
            "labelled": 7,
            "labels_failed": 1,
            "rmse_before": {"energy": 30.0},
            "rmse_after": {"energy": 5.0},
        },
        {"generation": 1, "relaxed": 1, "failed": 0},
    ]
