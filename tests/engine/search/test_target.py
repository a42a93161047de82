from __future__ import annotations

import pytest
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.engine.search.target import require_target, target_distance


@pytest.fixture
def population():
    frames = [bulk("Cu", "bcc", a=2.9), bulk("Cu", "hcp", a=2.6, c=4.2)]
    for index, frame in enumerate(frames):
        frame.info.update(id=f"g000-000{index}", generation=0, status="converged", enthalpy=0.1 * index)
    return rank(frames)


def test_the_distance_is_that_of_the_nearest_in_any_cell(population):
    assert target_distance(population, bulk("Cu", "bcc", a=3.0, cubic=True)) == pytest.approx(0.0, abs=1e-6)
    assert target_distance(population, bulk("Cu")) > 0.05


def test_there_is_no_distance_to_another_formula(population):
    assert target_distance(population, bulk("Au")) is None


def test_a_target_that_is_not_searched_for_is_refused():
    settings = SearchSettings.parse({"formula": "Cu", "population": 2, "generations": 1, "seed": 1})
    require_target(settings, bulk("Cu", cubic=True))
    with pytest.raises(InputError, match=r"^target: Au is not searched for"):
        require_target(settings, bulk("Au"))
