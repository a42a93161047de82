from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from aiida_anhcsp.engine.search.geometry import neighbours, reduced


def skewed() -> Atoms:
    frame = bulk("Cu", cubic=True) * (1, 1, 2)
    frame.rattle(0.1, seed=1)
    frame.set_cell(frame.cell[:] @ np.array([[1.0, 0.4, 0.0], [0.0, 1.0, -0.3], [0.2, 0.0, 1.0]]), scale_atoms=True)
    return frame


@pytest.mark.parametrize("frame", [bulk("Cu"), bulk("Mg"), skewed()], ids=["one atom", "hexagonal", "skewed"])
def test_neighbours_are_those_of_ase(frame):
    first, second, distances, vectors = neighbor_list("ijdD", frame, 6.0)
    ours = neighbours(frame, 6.0)
    assert np.allclose(np.sort(ours.distance), np.sort(distances))
    assert np.array_equal(np.bincount(ours.first), np.bincount(first))
    assert np.array_equal(np.bincount(ours.second), np.bincount(second))
    assert np.allclose(np.linalg.norm(ours.vector, axis=1), ours.distance)
    assert np.allclose(np.sort(ours.vector[:, 0]), np.sort(vectors[:, 0]))


def test_neighbours_do_not_depend_on_the_choice_of_cell():
    frame = bulk("Cu", cubic=True)
    sheared = Atoms(
        frame.symbols, positions=frame.positions, cell=np.array([[1, 0, 0], [3, 1, 0], [0, 5, 1]]) @ frame.cell
    )
    sheared.pbc = True
    assert np.allclose(np.sort(neighbours(frame, 5.0).distance), np.sort(neighbours(sheared, 5.0).distance))


def test_atoms_on_top_of_each_other_are_neighbours():
    frame = Atoms("H2", positions=np.zeros((2, 3)), cell=3.0 * np.eye(3), pbc=True)
    assert list(neighbours(frame, 1.0).distance) == [0.0, 0.0]


def test_a_reduced_cell_is_the_same_crystal_right_handed_and_compact():
    frame = skewed()
    frame.set_cell(np.array([[1, 0, 0], [2, -1, 0], [0, 3, 1]]) @ frame.cell[:])
    assert frame.cell.handedness == -1
    compact = reduced(frame)
    assert compact.cell.handedness == 1
    assert compact.get_volume() == pytest.approx(frame.get_volume())
    assert compact.cell.lengths().max() < frame.cell.lengths().max()
    assert np.allclose(np.sort(neighbours(compact, 6.0).distance), np.sort(neighbours(frame, 6.0).distance))
    assert np.allclose(np.triu(compact.cell[:], 1), 0.0)
