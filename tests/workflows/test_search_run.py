"""Searches that run to their end, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiida_anhcsp.engine.frames import read_frames
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.search.loop import search
from aiida_anhcsp.engine.search.settings import SearchSettings

from .conftest import SEARCH


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"symmetrise": 4, "relax": {"fmax": 0.3}},
        {
            "generations": 2,
            "prototypes": 1,
            "soft_modes": "potential",
            "operators": {"random": 0.5, "softmutation": 0.5},
        },
        {"generations": 2, "candidates": 3},
    ],
    ids=["plain", "symmetrised", "soft_modes", "candidates"],
)
def test_without_learning_the_work_chain_is_the_engine_search_frame_by_frame(
    search_inputs: dict[str, Any], tmp_path: Path, changes: dict[str, Any]
) -> None:
    from aiida.engine import run_get_node
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.search import SearchWorkChain

    settings = {**SEARCH, **changes}
    outputs, node = run_get_node(SearchWorkChain, **{**search_inputs, "settings": Dict(settings)})
    assert node.is_finished_ok, node.exit_message
    search(SearchSettings.parse(settings), load_potential("ase:ase.calculators.emt:EMT"), tmp_path)
    expected = read_frames(tmp_path / "population.extxyz")
    found = outputs["population"].get_frames()
    assert [frame.info for frame in found] == [frame.info for frame in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.cell.array, other.cell.array)
