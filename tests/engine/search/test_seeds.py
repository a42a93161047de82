from __future__ import annotations

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.search.seeds import with_seeds
from aiida_anhcsp.engine.search.settings import SearchSettings

SETTINGS = SearchSettings.parse({"formula": "Cu", "formula_units": "1-4", "population": 2, "generations": 1, "seed": 1})


def test_seeds_take_identities_of_the_first_generation_and_no_more():
    frames = with_seeds([bulk("Cu")], [bulk("Cu", cubic=True), bulk("Cu", "bcc", a=2.9)], SETTINGS)
    assert [frame.info for frame in frames[1:]] == [
        {"id": f"g000-000{index}", "generation": 0, "operator": "seed"} for index in (1, 2)
    ]


def test_a_primitive_seed_fills_the_smallest_cell_of_the_search():
    settings = SearchSettings.parse({**SETTINGS.model_dump(), "formula_units": 4})
    (frame,) = with_seeds([], [bulk("Cu")], settings)
    assert len(frame) == 4 and frame.get_volume() == pytest.approx(4 * bulk("Cu").get_volume())
    cell = (frame.cell.array, frame.get_scaled_positions(), frame.numbers)
    assert spglib.get_spacegroup(cell).startswith("Fm-3m")
    (again,) = with_seeds([], [bulk("Cu")], settings)
    assert np.array_equal(frame.positions, again.positions)


def test_a_seed_keeps_the_identity_that_it_had():
    seed = bulk("Cu")
    seed.info = {"id": "g003-0017", "parents": "g000-0001", "enthalpy": 1.0, "rank": 1}
    (frame,) = with_seeds([], [seed], SETTINGS)
    assert frame.info == {"id": "g000-0000", "generation": 0, "operator": "seed", "seed_of": "g003-0017"}


def test_of_an_earlier_run_failures_and_duplicates_are_left_out():
    seeds = [bulk("Cu") for _ in range(3)]
    seeds[0].info["status"] = "exploded"
    seeds[1].info["duplicate_of"] = "g000-0003"
    assert len(with_seeds([], seeds, SETTINGS)) == 1


def test_a_seed_of_the_wrong_composition_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"^seeds: structure 2 is Au, no cell of this search for Cu; take it out"):
        with_seeds([], [bulk("Cu"), bulk("Au")], SETTINGS)


def test_a_molecule_is_no_seed():
    with pytest.raises(InputError, match="not periodic"):
        with_seeds([], [Atoms("Cu")], SETTINGS)
