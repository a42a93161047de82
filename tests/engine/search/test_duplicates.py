from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.search.duplicates import find_duplicates, same_shape
from aiida_anhcsp.engine.search.settings import DuplicateRule

RULE = DuplicateRule()


def copper(identity: str, enthalpy: float, scale: float = 1.0, noise: float = 0.0) -> Atoms:
    frame = bulk("Cu", cubic=True)
    frame.set_cell(frame.cell * scale, scale_atoms=True)
    frame.rattle(noise, seed=1)
    frame.info.update(id=identity, enthalpy=enthalpy)
    return frame


def test_the_lowest_represents_its_duplicates():
    frames = [copper("b", -1.000), copper("a", -1.002, noise=0.005), copper("c", -1.001)]
    assert find_duplicates(frames, RULE) == {"b": "a", "c": "a"}


def test_equal_enthalpies_are_settled_by_the_id():
    assert find_duplicates([copper("b", -1.0), copper("a", -1.0)], RULE) == {"b": "a"}


def test_a_supercell_is_a_duplicate():
    large = copper("b", -1.0) * (2, 1, 1)
    large.info.update(id="b", enthalpy=-1.0)
    assert find_duplicates([copper("a", -1.0), large], RULE) == {"b": "a"}


@pytest.mark.parametrize(
    "other",
    [copper("b", -0.99), copper("b", -1.0, scale=1.01), copper("b", -1.0, noise=0.2)],
    ids=["enthalpy", "volume", "fingerprint"],
)
def test_a_difference_in_any_of_the_three_makes_distinct(other):
    assert find_duplicates([copper("a", -1.0), other], RULE) == {}


def test_the_shape_is_that_of_a_supercell_too_and_has_no_enthalpy():
    assert same_shape(copper("a", -1.0), copper("b", 7.0, noise=0.005) * (1, 2, 1), RULE)
    assert not same_shape(copper("a", -1.0), copper("b", -1.0, scale=1.01), RULE)
    assert not same_shape(copper("a", -1.0), copper("b", -1.0, noise=0.2), RULE)
    gold = copper("b", -1.0)
    gold.symbols[:] = "Au"
    assert not same_shape(copper("a", -1.0), gold, RULE)


def tetragonal(identity: str, ratio: float, status: str = "converged") -> Atoms:
    frame = copper(identity, -1.0)
    frame.set_cell(frame.cell * np.array([1.0, 1.0, ratio]).reshape(3, 1), scale_atoms=True)
    frame.info["status"] = status
    return frame


def test_converged_structures_without_a_common_space_group_are_distinct_in_both_orders():
    loose = DuplicateRule(fingerprint=1, enthalpy=1, volume=1)
    cubic, other = tetragonal("a", 1.0), tetragonal("b", 1.2)
    assert find_duplicates([cubic, other], loose) == find_duplicates([other, cubic], loose) == {}
    unfinished = tetragonal("b", 1.2, status="max_steps")
    assert find_duplicates([cubic, unfinished], loose) == {"b": "a"}
    assert find_duplicates([cubic, other], loose.model_copy(update={"symmetry": ()})) == {"b": "a"}


@pytest.mark.parametrize("noise", [0.003, 0.01, 0.02])
def test_noise_that_hides_the_symmetry_at_a_strict_tolerance_makes_no_difference(noise: float):
    frames = [copper("a", -1.0), copper("b", -1.0, noise=noise)]
    for frame in frames:
        frame.info["status"] = "converged"
    assert find_duplicates(frames, DuplicateRule(fingerprint=0.1)) == {"b": "a"}


def test_different_formulas_are_never_duplicates():
    gold = copper("b", -1.0)
    gold.symbols[:] = "Au"
    assert find_duplicates([copper("a", -1.0), gold], RULE) == {}


def test_the_answer_does_not_depend_on_the_order():
    frames = [copper(f"{index:02d}", -1.0 + 0.0012 * index, noise=0.004 * (index % 4)) for index in range(12)]
    expected = find_duplicates(frames, RULE)
    assert 3 < len(expected) < 11
    assert find_duplicates(frames[::-1], RULE) == expected
    shuffled = [frames[index] for index in np.random.default_rng(1).permutation(12)]
    assert find_duplicates(shuffled, RULE) == expected


def test_a_representative_is_never_a_duplicate_itself():
    frames = [copper(f"{index:02d}", -1.0 + 0.002 * index) for index in range(6)]
    duplicates = find_duplicates(frames, RULE)
    assert not set(duplicates.values()) & set(duplicates)


def test_nothing_has_no_duplicates():
    assert find_duplicates([], RULE) == {}
