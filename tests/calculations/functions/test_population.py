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
    population_of_structures,
    rank_population,
    symmetrise_lowest,
)
from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.search.rank import lowest

SEARCH = {"formula": "Cu", "formula_units": "1-4", "population": 4, "generations": 1, "seed": 1}


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
    frames = add_seeds(copper, relaxed, orm.Dict(SEARCH)).get_frames()
    assert [frame.info["id"] for frame in frames[4:]] == ["g000-0004", "g000-0005", "g000-0006"]
    assert frames[4].info["operator"] == "seed"
    assert "enthalpy" not in frames[4].info


def test_symmetrised_copies_name_their_parents(copper_frames):
    for frame in copper_frames:
        frame.positions = bulk("Cu", cubic=True).positions
        frame.rattle(0.01, seed=1)
        frame.info.update(status="converged", enthalpy=-3.0)
    ranked = rank_population(PopulationData.from_frames(copper_frames), orm.Dict(SEARCH))
    copies = symmetrise_lowest(ranked, orm.Dict({**SEARCH, "symmetrise": 1})).get_frames()
    assert {copy.info["operator"] for copy in copies} == {"symmetrise"}
    assert {copy.info["parents"] for copy in copies} == {frame.info["id"] for frame in lowest(ranked.get_frames(), 1)}


def test_stored_structures_become_a_population(copper):
    structures = {f"s{index}": orm.StructureData(ase=bulk("Cu", a=3.6 + 0.1 * index)).store() for index in range(2)}
    population = population_of_structures(**structures)
    assert [frame.get_volume() for frame in population.get_frames()] == pytest.approx([3.6**3 / 4, 3.7**3 / 4])
    assert len(population.creator.base.links.get_incoming().all_nodes()) == 2


def test_an_extracted_structure_is_the_frame(copper):
    structure = extract_structure(copper, orm.Str("g000-0002"))
    np.testing.assert_allclose(structure.get_ase().positions, copper.get_frame("g000-0002").positions, atol=1e-8)
    assert structure.creator.inputs.population.pk == copper.pk
