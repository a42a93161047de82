"""A population as large as those of published studies."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.search.rank import lowest, rank
from aiida_anhcsp.engine.search.select import candidates
from aiida_anhcsp.engine.search.settings import SearchSettings

NUMBER, KINDS = 5000, 50


@pytest.fixture(scope="module")
def population() -> list[Atoms]:
    """Five thousand relaxed cells of fifty tetragonal crystals, with the noise of a relaxation."""
    rng = np.random.default_rng(1)
    frames = []
    for index in range(NUMBER):
        kind = index % KINDS
        frame = bulk("Cu", "bct", a=2.6, c=2.6 * (1.2 + 0.03 * kind))
        frame.set_cell(frame.cell.array * np.exp(rng.normal(scale=1e-4)), scale_atoms=True)
        enthalpy = 0.02 * kind + float(rng.uniform(0, 1e-3))
        frame.info = {"id": f"g000-{index:04d}", "generation": 0, "operator": "random"}
        frame.info |= {"status": "converged", "enthalpy": enthalpy, "spacegroup": "I4/mmm", "steps": 20}
        frames.append(frame)
    return frames


@pytest.mark.slow
def test_every_kind_is_ranked_once_and_all_others_are_its_duplicates(population: list[Atoms]) -> None:
    keys = {"formula": "Cu", "population": NUMBER, "generations": 2, "seed": 1}
    ranked = rank(population, SearchSettings.parse(keys))
    assert len(lowest(ranked)) == KINDS
    assert sum("duplicate_of" in frame.info for frame in ranked) == NUMBER - KINDS
    parents = candidates(lowest(ranked), 0.05, NUMBER)
    assert 1 < len(parents.frames) <= KINDS


def test_its_node_has_no_more_to_query_than_a_small_one(population: list[Atoms]) -> None:
    sizes = [len(json.dumps(_attributes(population[:number]))) for number in (KINDS, NUMBER)]
    assert sizes[1] < 1.2 * sizes[0] < 10_000


def _attributes(frames: list[Atoms]) -> dict[str, object]:
    return dict(PopulationData.from_frames(frames).base.attributes.all)
