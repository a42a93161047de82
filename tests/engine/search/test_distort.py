from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.distort import distort


def test_without_strain_every_atom_moves_by_the_amplitude(ranked_h3s):
    for copy in distort(ranked_h3s[:1], 4, amplitude=0.05, strain=0.0, seed=1):
        moved = copy.positions - ranked_h3s[0].positions
        assert np.allclose(np.linalg.norm(moved, axis=1), 0.05)
        assert np.allclose(copy.cell[:], ranked_h3s[0].cell[:])


def test_directions_are_isotropic():
    frame = bulk("Cu", cubic=True) * 3
    moves = np.vstack([copy.positions - frame.positions for copy in distort([frame], 20, 0.1, 0.0, seed=1)])
    assert np.allclose(moves.mean(axis=0), 0.0, atol=0.004)
    assert np.allclose(moves.T @ moves / len(moves), 0.01 / 3 * np.eye(3), atol=4e-4)


def test_the_strain_is_symmetric_and_fills_its_range():
    frame = bulk("Cu", cubic=True)
    strains = np.array(
        [np.linalg.solve(frame.cell[:], copy.cell[:]) - np.eye(3) for copy in distort([frame], 300, 0.0, 0.05, seed=2)]
    )
    assert np.allclose(strains, strains.transpose(0, 2, 1))
    assert np.abs(strains).max() <= 0.05
    assert np.all(strains.max(axis=0) > 0.045)
    assert np.all(strains.min(axis=0) < -0.045)


def test_fractional_coordinates_follow_the_strain():
    frame = bulk("Cu", cubic=True)
    copy = distort([frame], 1, amplitude=0.0, strain=0.05, seed=3)[0]
    assert np.allclose(copy.get_scaled_positions(), frame.get_scaled_positions())


def test_copies_name_their_parent_and_drop_what_no_longer_holds(ranked_h3s):
    copies = distort(ranked_h3s[:2], 2, seed=1)
    assert copies[3].info == {"id": "g000-0001-d01", "parents": "g000-0001", "operator": "distort", "generation": 0}
    assert copies[3].calc is None


def test_structures_without_an_id_are_numbered():
    assert [copy.info["id"] for copy in distort([bulk("Cu")] * 2, 1, seed=1)] == ["s0000-d00", "s0001-d00"]


@pytest.mark.parametrize("seed", [1, 2])
def test_one_seed_gives_the_same_copies(seed, ranked_h3s):
    first, again, other = (distort(ranked_h3s[:1], 1, seed=value)[0] for value in (seed, seed, seed + 1))
    assert np.array_equal(first.positions, again.positions)
    assert not np.allclose(first.positions, other.positions)
