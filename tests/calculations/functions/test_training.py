"""What a potential is to learn from."""

from __future__ import annotations

import numpy as np
import pytest
from aiida import orm

from aiida_anhcsp.calculations.functions.training import replay, select_and_distort
from aiida_anhcsp.data.population import PopulationData

SELECTION = {"number": 2, "distortions": 3, "amplitude": 0.05, "strain": 0.05, "seed": 5, "round": 1}


@pytest.fixture
def relaxed(copper_frames):
    frames = [frame.copy() for frame in copper_frames]
    for frame in frames:
        frame.info.update(status="converged", enthalpy=-3.0)
    return PopulationData.from_frames(frames)


def test_distorted_copies_name_their_parent_and_round(relaxed):
    copies = select_and_distort(population=relaxed, settings=orm.Dict(SELECTION)).get_frames()
    assert len(copies) == 6
    assert copies[1].info["id"] == f"{copies[1].info['parents']}-d01"
    assert {frame.info["round"] for frame in copies} == {1}


def test_the_seed_decides_what_is_picked_and_how_it_is_distorted(relaxed):
    first, again, other = (
        select_and_distort(population=relaxed, settings=orm.Dict({**SELECTION, "seed": seed})).get_frames()
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first[0].positions, again[0].positions)
    assert not np.allclose(first[0].positions, other[0].positions)


def test_replay_takes_some_of_the_old_and_all_of_the_new(relaxed, copper):
    together = replay(relaxed, copper, orm.Dict({"number": 2, "seed": 1})).get_frames()
    assert len(together) == 6
    assert all("enthalpy" in frame.info for frame in together[:2])
    assert not any("enthalpy" in frame.info for frame in together[2:])


def test_replay_of_more_than_there_is_takes_all(relaxed, copper):
    assert replay(relaxed, copper, orm.Dict({"number": 100, "seed": 1})).count == 8


def test_unphysical_structures_are_labelled_as_they_are(relaxed, copper_frames):
    ghost = copper_frames[0].copy()
    ghost.info |= {"id": "g001-0009", "status": "unphysical"}
    everything = PopulationData.from_frames([ghost, *relaxed.get_frames()])
    settings = orm.Dict({**SELECTION, "unphysical": 5})
    frames = select_and_distort(population=relaxed, everything=everything, settings=settings).get_frames()
    assert len(frames) == 7
    assert frames[-1].info["parents"] == "g001-0009"
    np.testing.assert_allclose(frames[-1].positions, ghost.positions, atol=1e-7)


def test_sampler_that_finds_nothing_ends_with_its_own_exit_code(relaxed):
    from aiida.engine import run_get_node

    inputs = {"population": relaxed, "settings": orm.Dict({**SELECTION, "sampler": "grade", "threshold": 2.0})}
    result, node = run_get_node(select_and_distort, **inputs)
    assert node.exit_status == 410 and not result
