from __future__ import annotations

import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.space_groups import space_groups
from aiida_anhcsp.engine.search.symmetrise import TOLERANCES, symmetrised


@pytest.fixture
def noisy():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.01, seed=1)
    atoms.info.update(id="g001-0002", generation=1, operator="random", status="converged", enthalpy=0.1)
    return atoms


def test_a_looser_tolerance_sees_the_symmetry_behind_noise(noisy):
    assert space_groups(noisy, TOLERANCES) == [1, 225, 225]
    assert space_groups(bulk("Cu"), TOLERANCES) == [225, 225, 225]


def test_the_copy_has_that_symmetry_exactly_and_names_its_parent(noisy):
    (copy,) = symmetrised(rank([noisy]), 5)
    assert space_groups(copy, TOLERANCES) == [225, 225, 225]
    assert len(copy) == 4
    assert copy.info == {"id": "g001-0002-s1", "generation": 1, "operator": "symmetrise", "parents": "g001-0002"}


def test_what_is_symmetric_already_is_left_alone(noisy):
    perfect = bulk("Cu", cubic=True)
    perfect.info = noisy.info
    assert symmetrised(rank([perfect]), 5) == []
    assert symmetrised(rank([noisy]), 0) == []
