"""Merging, ranking and picking."""

from __future__ import annotations

import numpy as np
import pytest
from aiida import orm
from ase.build import bulk

from aiida_anhcsp.calculations.functions.population import (
    add_seeds,
    extract_structure,
    lowest_of,
    merge_populations,
    rank_population,
)
from aiida_anhcsp.data.population import PopulationData

SEARCH = {"formula": "Cu", "formula_units": "1", "population": 4, "generations": 1, "seed": 1}


def identities(population):
    return [frame.info["id"] for frame in population.get_frames()]


@pytest.fixture
def relaxed():
    """Copper in two phases, the lower one twice, and a structure that failed."""
    rows = [("fcc", -3.0, 3.6), ("bcc", -2.9, 2.9), ("fcc", -3.0, 3.6)]
    frames = []
    for index, (phase, enthalpy, a) in enumerate(rows):
        atoms = bulk("Cu", phase, a=a)
        atoms.info.update(id=f"g000-{index:04d}", generation=0, status="converged", enthalpy=enthalpy)
        frames.append(atoms)
    failed = bulk("Cu")
    failed.info.update(id="g000-0003", generation=0, status="exploded", reason="too large")
    return PopulationData.from_frames([*frames, failed])


def test_populations_are_merged_in_the_order_of_their_names(copper, relaxed):
    merged = merge_populations(b=copper, a=relaxed)
    assert identities(merged) == identities(relaxed) + identities(copper)


def test_the_lowest_are_distinct_and_in_order(relaxed):
    ranked = rank_population(relaxed, orm.Dict(SEARCH))
    assert identities(ranked) == identities(relaxed)
    assert identities(lowest_of(ranked, orm.Dict({"number": 5}))) == ["g000-0000", "g000-0001"]


def test_seeds_join_the_first_generation_as_new_structures(copper, relaxed):
    frames = add_seeds(copper, relaxed).get_frames()
    assert [frame.info["id"] for frame in frames[4:]] == [f"g000-{number:04d}" for number in range(4, 8)]
    assert frames[4].info["operator"] == "seed"
    assert "enthalpy" not in frames[4].info


def test_an_extracted_structure_is_the_frame(copper):
    structure = extract_structure(copper, orm.Str("g000-0002"))
    np.testing.assert_allclose(structure.get_ase().positions, copper.get_frame("g000-0002").positions, atol=1e-8)
    assert structure.creator.inputs.population.pk == copper.pk
