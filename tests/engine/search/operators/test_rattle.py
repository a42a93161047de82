from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import compositions
from aiida_anhcsp.engine.search.distances import distance_table
from aiida_anhcsp.engine.search.fingerprint import distance, fingerprint
from aiida_anhcsp.engine.search.operators import Rattle, RefusalError, Rules


def test_atoms_move_and_cell_composition_and_distances_hold(ranked_h3s, h3s):
    rules = Rules(h3s.compositions(), h3s.distance_table())
    parent = ranked_h3s[0]
    child = Rattle()([parent], rules, np.random.default_rng(1))
    assert child.get_chemical_formula() == parent.get_chemical_formula()
    assert child.get_volume() == pytest.approx(parent.get_volume())
    assert not rules.distances.violation(child)
    assert distance(fingerprint(child, "HS"), fingerprint(parent, "HS")) > 0.05


def test_one_atom_can_only_be_shifted_and_is_refused():
    assert Rattle().needs(compositions("Cu", 1)) == "cells of two atoms or more"
    assert Rattle().needs(compositions("Cu", "1-2")) == ""
    rules = Rules(compositions("Cu", "1-2"), distance_table(["Cu"], 0.0))
    with pytest.raises(RefusalError, match="one atom only"):
        Rattle()([bulk("Cu")], rules, np.random.default_rng(1))
