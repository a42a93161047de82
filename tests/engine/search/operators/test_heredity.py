from __future__ import annotations

import itertools

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import Limits, compositions, compositions_within
from aiida_anhcsp.engine.search.distances import distance_table
from aiida_anhcsp.engine.search.operators import Heredity, RefusalError, Rules
from aiida_anhcsp.engine.search.symmetrise import in_symmetry
from aiida_anhcsp.engine.search.volumes import estimated_volume


@pytest.fixture
def rules(h3s):
    return Rules(h3s.compositions(), h3s.distance_table())


def children(parents, rules, number):
    born = []
    for seed in range(number):
        try:
            born.append(Heredity()(parents, rules, np.random.default_rng(seed)))
        except RefusalError:
            continue
    return born


def test_children_have_a_parent_s_composition_and_allowed_distances(ranked_h3s, rules):
    parents = [next(frame for frame in ranked_h3s if len(frame) == size) for size in (4, 8)]
    born = children(parents, rules, 30)
    assert {len(child) for child in born} == {4, 8}
    for child in born:
        assert child.get_chemical_formula(empirical=True) == "H3S"
        assert not rules.distances.violation(child)
        assert child.cell.handedness == 1


def test_most_attempts_succeed(ranked_h3s, rules):
    large = [frame for frame in ranked_h3s if len(frame) == 8][:2]
    assert len(children(large, rules, 40)) > 20


def test_the_volume_lies_between_the_parents(ranked_h3s, rules):
    parents = [frame for frame in ranked_h3s if len(frame) == 8][:2]
    bounds = sorted(parent.get_volume() / len(parent) for parent in parents)
    for child in children(parents, rules, 20):
        assert bounds[0] - 1e-9 <= child.get_volume() / len(child) <= bounds[1] + 1e-9


def test_children_of_almost_symmetric_parents_are_those_of_symmetric_ones(rules):
    exact = [bulk("Cu", "fcc", a=a, cubic=True) for a in (3.6, 3.7)]
    almost = [frame.copy() for frame in exact]
    for frame in almost:
        frame.rattle(0.005, seed=1)
    copper = Rules(compositions("Cu4", 1), distance_table(["Cu"], 0.0), symmetry=0.1)
    moved = [in_symmetry(frame, 0.1) for frame in almost]
    for frame in moved:
        cell = (frame.cell.array, frame.get_scaled_positions(), frame.numbers)
        assert spglib.get_symmetry_dataset(cell, 1e-4).number == 225
    born, expected = children(almost, copper, 10), children(moved, Rules(copper.compositions, copper.distances), 10)
    assert len(born) == len(expected) > 0
    for child, other in zip(born, expected, strict=True):
        np.testing.assert_allclose(child.cell.cellpar(), other.cell.cellpar(), atol=1e-6)


def test_each_parent_gives_at_least_a_quarter_of_the_atoms():
    """Atoms of the first parent differ by halves of the cell, those of the second never do."""
    cell = 4.0 * np.eye(3)
    halves = Atoms("Cu8", scaled_positions=list(itertools.product((0.0, 0.5), repeat=3)), cell=cell, pbc=True)
    others = Atoms("Cu8", scaled_positions=np.outer(np.arange(8), [1, 3, 5]) / 17.0, cell=cell, pbc=True)
    rules = Rules(compositions("Cu8", 1), distance_table(["Cu"], 0.0, {"Cu-Cu": 0.01}))
    shares = []
    for child in children([halves, others], rules, 30):
        differences = 2.0 * (child.get_scaled_positions()[:, None] - child.get_scaled_positions()[None])
        related = np.all(np.abs(differences - np.round(differences)) < 1e-6, axis=-1)
        shares.append(related.sum(axis=1).max())
    assert min(shares) == 2
    assert max(shares) == 6


def test_over_compositions_the_slabs_give_new_ones_and_the_volume_of_their_atoms():
    choices = compositions_within(Limits({"Cu": "0-8", "Au": "0-8"}, "1-8"))
    rules = Rules(choices, distance_table(["Cu", "Au"], 0.0, {"Cu-Cu": 1.0, "Au-Au": 1.0, "Au-Cu": 1.0}))
    parents = [bulk("Cu", a=a, cubic=True) * (2, 1, 1) for a in (3.75, 4.0)]
    parents[0].symbols[:2] = "Au"
    parents[1].symbols[:6] = "Au"
    born = children(parents, rules, 40)
    assert len(born) > 20
    own = {parent.get_chemical_formula() for parent in parents}
    assert len({child.get_chemical_formula() for child in born} - own) > 3
    assert all(any(choice.holds(child) for choice in choices) for child in born)
    bounds = sorted(parent.get_volume() / estimated_volume(parent, 0.0) for parent in parents)
    assert all(
        bounds[0] - 1e-9 <= child.get_volume() / estimated_volume(child, 0.0) <= bounds[1] + 1e-9 for child in born
    )


def test_the_same_randomness_gives_the_same_child(ranked_h3s, rules):
    parents = [frame for frame in ranked_h3s if len(frame) == 8][:2]
    first, second = children(parents, rules, 5), children(parents, rules, 5)
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(first, second, strict=True))


def test_parents_of_another_composition_are_refused_with_a_reason(ranked_h3s, rules):
    with pytest.raises(RefusalError, match="Cu4 is not among the compositions"):
        Heredity()([bulk("Cu", cubic=True), ranked_h3s[0]], rules, np.random.default_rng(1))


def test_a_child_of_one_atom_has_only_one_parent_and_is_refused():
    rules = Rules(compositions("Cu", 1), distance_table(["Cu"], 0.0))
    with pytest.raises(RefusalError, match="less than 25%"):
        Heredity()([bulk("Cu"), bulk("Cu", a=3.8)], rules, np.random.default_rng(1))
