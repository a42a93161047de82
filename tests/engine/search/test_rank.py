from __future__ import annotations

import pytest
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import labels_of, through_text, with_labels
from aiida_anhcsp.engine.search.rank import lowest, rank, unranked
from aiida_anhcsp.engine.search.settings import SearchSettings


def test_ranks_count_the_distinct_structures_from_the_lowest(ranked_h3s):
    assert [frame.info.get("rank") for frame in ranked_h3s] == [1, 2, 3, 4, 5, 6, 7, 8, 9, None]


def test_failed_frames_stay_in_place_without_fitness(ranked_h3s):
    assert ranked_h3s[-1].info["status"] == "exploded"
    assert "fitness" not in ranked_h3s[-1].info


def test_duplicates_have_a_fitness_and_no_rank(ranked_h3s):
    copy = ranked_h3s[0].copy()
    copy.info.update(id="g001-0000", enthalpy=ranked_h3s[0].info["enthalpy"] + 0.001)
    ranked = rank([copy, *ranked_h3s])
    assert ranked[0].info["duplicate_of"] == "g000-0000"
    assert "rank" not in ranked[0].info
    assert ranked[0].info["fitness"] == pytest.approx(-2.999)
    assert ranked[1].info["rank"] == 1


def test_an_earlier_ranking_is_replaced(ranked_h3s):
    lower = ranked_h3s[1].copy()
    lower.info.update(id="g001-0000", enthalpy=-9.0)
    ranked = rank([*ranked_h3s, lower])
    assert ranked[-1].info["rank"] == 1
    assert ranked[0].info["rank"] == 2


def test_ranking_twice_through_text_changes_nothing(ranked_h3s, h3s):
    once = through_text(ranked_h3s)
    twice = through_text(rank(once, h3s))
    assert [frame.info for frame in once] == [frame.info for frame in twice]


def test_labels_survive(ranked_h3s):
    labelled = with_labels(ranked_h3s[0], -12.0, ranked_h3s[0].positions)
    assert labels_of(rank([labelled])[0])["energy"] == -12.0


def test_the_frames_given_are_left_as_they_were(ranked_h3s):
    before = dict(ranked_h3s[0].info)
    rank(ranked_h3s[:2])
    assert ranked_h3s[0].info == before


def test_lowest_gives_distinct_structures_in_their_order(ranked_h3s):
    assert [frame.info["id"] for frame in lowest(ranked_h3s[::-1], 2)] == ["g000-0000", "g000-0001"]
    assert len(lowest(ranked_h3s)) == 9


def test_ids_must_be_there_and_unique(ranked_h3s):
    with pytest.raises(InputError, match=r"^POPULATION: "):
        rank([ranked_h3s[0], ranked_h3s[0]])
    nameless = ranked_h3s[0].copy()
    del nameless.info["id"]
    with pytest.raises(InputError, match=r"^POPULATION: "):
        rank([nameless])


def test_what_keeps_a_population_from_being_ranked_is_named():
    settings = {"composition": {"elements": {"Cu": "0-4", "Au": "0-4"}, "atoms": "1-4"}, "population": 2}
    search = SearchSettings.parse({**settings, "generations": 1, "seed": 1})
    frames = [bulk("Cu"), bulk("Au")]
    for number, frame in enumerate(frames):
        frame.info = {"id": f"g000-000{number}", "status": "converged", "enthalpy": 1.0}
    assert unranked(rank(frames, search), search) is None
    frames[1].info["status"] = "exploded"
    assert unranked(rank(frames, search), search).startswith("no structure of Au alone")
    frames[0].info["status"] = "exploded"
    assert unranked(rank(frames, search), search) == "all 2 structures failed"
