from __future__ import annotations

import itertools

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import Limits, compositions, compositions_within
from aiida_anhcsp.engine.search.fingerprint import distance, fingerprint
from aiida_anhcsp.engine.search.multiply import multiplied, superlattices, with_atoms


@pytest.mark.parametrize("number", range(1, 9))
def test_superlattices_are_as_many_as_there_are(number: int) -> None:
    """The number of sublattices of index n is the sum of b c^2 over all a b c = n (sequence A001001 of the OEIS)."""
    triples = [t for t in itertools.product(range(1, number + 1), repeat=3) if np.prod(t) == number]
    assert len(superlattices(number)) == sum(b * c**2 for _, b, c in triples)
    assert {round(np.linalg.det(lattice)) for lattice in superlattices(number)} == {number}


def test_superlattices_are_all_different() -> None:
    lattices = superlattices(4)
    for one, other in itertools.combinations(lattices, 2):
        change = one @ np.linalg.inv(other)
        assert not np.allclose(change, np.round(change))


@pytest.fixture
def layered() -> Atoms:
    frame = Atoms("CuAu", positions=[[0, 0, 0], [1.9, 0, 1.9]], cell=[2.7, 2.7, 3.7], pbc=True)
    frame.info["id"] = "g000-0003"
    return frame


def test_a_larger_cell_holds_the_same_crystal(layered: Atoms) -> None:
    choices = compositions_within(Limits({"Cu": "0-4", "Au": "0-4"}, "2-8"))
    rng = np.random.default_rng(2)
    sizes = []
    for _ in range(60):
        larger = multiplied(layered, choices, rng)
        sizes.append(len(larger))
        _, _, numbers = spglib.find_primitive((larger.cell.array, larger.get_scaled_positions(), larger.numbers))
        assert sorted(numbers) == [29, 79]
        assert larger.get_volume() / len(larger) == pytest.approx(layered.get_volume() / 2)
        assert larger.info["id"].startswith("g000-0003")
    assert set(sizes) == {2, 4, 6, 8}


def test_where_no_composition_holds_more_the_parent_stays(layered: Atoms) -> None:
    assert multiplied(layered, compositions("CuAu", 1), np.random.default_rng(1)) is layered


@pytest.mark.parametrize("number", [1, 2, 4, 6])
def test_a_primitive_cell_is_filled_up_to_a_number_of_atoms(number: int) -> None:
    primitive = bulk("Cu", a=3.7)
    cell = with_atoms(primitive, number)
    assert len(cell) == number
    assert cell.get_volume() / number == pytest.approx(primitive.get_volume())
    assert distance(fingerprint(cell, ["Cu"]), fingerprint(primitive, ["Cu"])) < 1e-6
