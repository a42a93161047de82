"""The history of a search."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def profile(aiida_profile: Any) -> None:
    """Nodes need a profile."""


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
