from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy.spatial.transform import Rotation

from aiida_anhcsp.engine.search.fingerprint import distance, fingerprint
from aiida_anhcsp.engine.search.geometry import reduced

ELEMENTS = ("H", "S")


def h3s(off_centre: float = 0.0, lattice_constant: float = 3.08) -> Atoms:
    """Im-3m H3S at 130 GPa, or R3m with hydrogen moved off the bond centres (angstrom)."""
    half = 0.5 * lattice_constant
    cell = half * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    positions = np.vstack([np.zeros(3), (half - off_centre) * np.eye(3)])
    return Atoms("SH3", positions=positions, cell=cell, pbc=True)


def between(first: Atoms, second: Atoms) -> float:
    return float(distance(fingerprint(first, ELEMENTS), fingerprint(second, ELEMENTS)))


def rotated(frame: Atoms) -> Atoms:
    turn = Rotation.random(random_state=3).as_matrix()
    return Atoms(frame.symbols, positions=frame.positions @ turn, cell=frame.cell[:] @ turn, pbc=True)


def mirrored(frame: Atoms) -> Atoms:
    return Atoms(frame.symbols, positions=-frame.positions, cell=-frame.cell[:], pbc=True)


@pytest.mark.parametrize(
    "same",
    [
        rotated,
        mirrored,
        reduced,
        lambda frame: frame[[3, 1, 0, 2]],
        lambda frame: frame * (2, 1, 3),
        lambda frame: Atoms(frame.symbols, positions=frame.positions + 0.7, cell=frame.cell, pbc=True),
    ],
    ids=["rotated", "mirrored", "reduced", "permuted", "supercell", "shifted"],
)
def test_the_same_crystal_has_the_same_fingerprint(same):
    frame = h3s(0.06)
    frame.rattle(0.05, seed=1)
    assert between(frame, same(frame)) == pytest.approx(0.0, abs=1e-9)


def test_the_distance_is_symmetric_and_between_zero_and_one():
    first, second = h3s(), h3s(0.3)
    assert between(first, second) == pytest.approx(between(second, first))
    assert 0.0 < between(first, second) <= 1.0
    assert between(first, first) == pytest.approx(0.0, abs=1e-12)


def test_uniform_compression_is_left_to_the_volume():
    assert between(h3s(), h3s(lattice_constant=2.98)) == pytest.approx(0.0, abs=1e-9)


def test_noise_of_a_relaxation_is_far_below_the_step_from_im3m_to_r3m():
    noisy = h3s() * (2, 2, 2)
    noisy.rattle(0.005, seed=2)
    assert between(h3s(), noisy) < 0.001
    assert between(h3s(), h3s(0.10)) > 0.05


def test_the_distance_grows_with_the_displacement():
    distances = [between(h3s(), h3s(displacement)) for displacement in (0.01, 0.02, 0.04, 0.08, 0.16)]
    assert np.all(np.diff(distances) > 0)


def test_stackings_that_share_their_nearest_neighbours_are_told_apart():
    fcc, hcp = bulk("Cu", "fcc", a=3.6), bulk("Cu", "hcp", a=3.6 / np.sqrt(2), c=3.6 / np.sqrt(2) * np.sqrt(8 / 3))
    prints = [fingerprint(frame, ["Cu"]) for frame in (fcc, hcp)]
    assert distance(*prints) > 0.05


def test_elements_matter():
    single, double = (Atoms(bulk("S", "fcc", a=4.0, cubic=True) * (1, 1, 2)) for _ in range(2))
    height = np.round(single.positions[:, 2] / 2.0).astype(int)
    single.symbols[height % 2 == 0] = "H"
    double.symbols[height < 2] = "H"
    assert between(single, double) > 0.05


def test_crystals_without_a_common_element_are_as_far_as_can_be_without_correlation():
    copper, gold = (fingerprint(bulk(element, a=4.0), ["Au", "Cu"]) for element in ("Cu", "Au"))
    assert distance(copper, gold) == pytest.approx(0.5)
