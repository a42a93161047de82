from __future__ import annotations

import logging

import numpy as np
import spglib

from aiida_anhcsp.engine.search.fingerprint import distance, fingerprint
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.prototypes import SAME, with_prototypes
from aiida_anhcsp.engine.search.settings import SearchSettings, settings_to_make

KEYS = {"formula": "CuAu", "formula_units": "1-4", "population": 2, "generations": 2, "seed": 5, "displacement": 0}


def prototypes(**changes: object) -> list:
    return with_prototypes([], SearchSettings.parse({**KEYS, **changes}))


def test_they_obey_the_rules_of_the_search():
    settings = SearchSettings.parse({**KEYS, "prototypes": 8})
    frames = prototypes(prototypes=8)
    assert len(frames) == 8
    table, elements = settings.distance_table(), ["Au", "Cu"]
    prints = np.array([fingerprint(frame, elements) for frame in frames])
    for index, frame in enumerate(frames):
        assert any(composition.holds(frame) for composition in settings.compositions())
        assert not table.violation(frame)
        assert (distance(prints[index], np.delete(prints, index, axis=0)) >= SAME).all()
    assert [frame.info["id"] for frame in frames] == [f"g000-{index:04d}" for index in range(8)]


def test_those_of_an_element_have_its_densest_packings():
    """Face-centred and body-centred cubic, and hexagonal close packing, which needs two atoms."""
    frames = prototypes(formula="Cu", formula_units="1-4", prototypes=1000)
    cells = [(frame.cell.array, frame.get_scaled_positions(), frame.numbers) for frame in frames]
    found = {
        (spglib.get_symmetry_dataset(cell, 1e-3).number, len(frame)) for cell, frame in zip(cells, frames, strict=True)
    }
    assert {(225, 1), (229, 1), (194, 2)} <= found


def test_one_seed_gives_the_same_and_another_one_others():
    first, again, other = (prototypes(prototypes=4, seed=seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(first, again, strict=True))
    assert [len(a) for a in first] != [len(a) for a in other] or not np.allclose(first[0].cell, other[0].cell)


def test_where_too_few_fit_the_log_says_so(caplog):
    caplog.set_level(logging.INFO)
    number = len(prototypes(formula="Cu", formula_units="1", prototypes=99))
    assert 0 < number < 99
    assert f"{number} of 99 prototypes asked for" in caplog.text


def test_random_structures_come_first_and_offspring_does_not_depend_on_them():
    settings = SearchSettings.parse({**KEYS, "prototypes": 2})
    random = random_population(settings)
    together = with_prototypes(random, settings)
    assert together[:2] == random
    assert [frame.info["operator"] for frame in together[2:]] == ["prototype"] * 2
    assert "prototypes" in settings_to_make(0, {**KEYS, "prototypes": 2})
    assert "prototypes" not in settings_to_make(1, {**KEYS, "prototypes": 2})


def test_without_them_nothing_is_added():
    assert prototypes() == []
