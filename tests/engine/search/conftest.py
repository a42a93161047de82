"""Populations for the tests of the search, relaxed in appearance only."""

from __future__ import annotations

from typing import Any

import pytest
from ase import Atoms

from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings

H3S: dict[str, Any] = {
    "formula": "H3S",
    "formula_units": "1-2",
    "pressure": 130,
    "population": 10,
    "generations": 3,
    "seed": 4,
}


@pytest.fixture(scope="session")
def h3s() -> SearchSettings:
    """A small H3S search at 130 GPa."""
    return SearchSettings.parse(H3S)


@pytest.fixture(scope="session")
def ranked_h3s(h3s: SearchSettings) -> list[Atoms]:
    """Ten ranked structures of H3S; enthalpies rise with the index, the last one failed."""
    frames = random_population(h3s)
    for index, frame in enumerate(frames):
        frame.info.update(status="converged", enthalpy=-3.0 + 0.1 * index)
    frames[-1].info["status"] = "exploded"
    del frames[-1].info["enthalpy"]
    return rank(frames, h3s)
