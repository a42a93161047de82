from __future__ import annotations

import numpy as np
import pytest

from aiida_anhcsp.engine.search.distances import distance_table
from aiida_anhcsp.engine.search.operators import RefusalError, Rules, Strain


@pytest.fixture
def rules(h3s):
    return Rules(h3s.compositions(), h3s.distance_table())


def strained(parent, rules):
    """The first child that some randomness gives."""
    for seed in range(20):
        try:
            return Strain()([parent], rules, np.random.default_rng(seed))
        except RefusalError:
            continue
    raise AssertionError("no child in 20 attempts")


def test_the_lattice_changes_and_composition_and_volume_stay(ranked_h3s, rules):
    parent = ranked_h3s[0]
    child = strained(parent, rules)
    assert child.get_chemical_formula() == parent.get_chemical_formula()
    assert child.get_volume() == pytest.approx(parent.get_volume())
    assert not np.allclose(child.cell.cellpar(), parent.cell.cellpar(), atol=0.05)
    assert not rules.distances.violation(child)


def test_the_parent_is_left_as_it_was(ranked_h3s, rules):
    before = ranked_h3s[0].copy()
    strained(ranked_h3s[0], rules)
    assert ranked_h3s[0] == before


def test_a_child_that_stays_crowded_is_refused_with_a_reason(ranked_h3s, rules):
    tight = Rules(rules.compositions, distance_table(["H", "S"], 130.0, {"H-S": 3.5}))
    with pytest.raises(RefusalError, match=r"H-S closer than 3\.50 angstrom"):
        Strain()([ranked_h3s[0]], tight, np.random.default_rng(2))
