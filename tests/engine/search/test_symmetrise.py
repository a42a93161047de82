from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
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


def test_a_supergroup_of_lower_number_and_the_same_group_in_a_smaller_cell_are_symmetrised(noisy):
    reo3 = Atoms("ReO3", scaled_positions=[(0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)], cell=[3.8] * 3, pbc=True)
    breathing = reo3 * (2, 2, 2)
    for rhenium in (atom for atom in breathing if atom.symbol == "Re"):
        sign = (-1) ** round(rhenium.position.sum() / 3.8)
        for oxygen in (atom for atom in breathing if atom.symbol == "O"):
            apart = breathing.get_distance(rhenium.index, oxygen.index, mic=True, vector=True)
            if np.linalg.norm(apart) < 2.0:
                oxygen.position += sign * 0.06 * apart / np.linalg.norm(apart) / 2
    assert space_groups(breathing, TOLERANCES) == [225, 225, 221]
    breathing.info = noisy.info
    (copy,) = symmetrised(rank([breathing]), 5)
    assert space_groups(copy, TOLERANCES) == [221, 221, 221]

    doubled = bulk("Cu") * (1, 1, 2)
    doubled.positions[1] += 0.05 * doubled.cell[2] / np.linalg.norm(doubled.cell[2])
    doubled.info = noisy.info
    copies = symmetrised(rank([doubled]), 5)
    assert [space_groups(copy, TOLERANCES)[0] for copy in copies] == [166, 225]


def test_what_is_symmetric_already_is_left_alone(noisy):
    perfect = bulk("Cu", cubic=True)
    perfect.info = noisy.info
    assert symmetrised(rank([perfect]), 5) == []
    assert symmetrised(rank([noisy]), 0) == []
