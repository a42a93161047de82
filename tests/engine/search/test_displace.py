from __future__ import annotations

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search.displace import displaced
from aiida_anhcsp.engine.search.distances import DistanceTable

FREE = DistanceTable({("Cu", "Cu"): 0.5})


def generator() -> np.random.Generator:
    return np.random.default_rng(3)


def test_nothing_is_left_of_the_symmetry_and_all_of_the_volume():
    frame = bulk("Cu", "fcc", a=3.6, cubic=True)
    moved = displaced(frame, 0.05, FREE, generator())
    found = spglib.get_symmetry((moved.cell[:], moved.get_scaled_positions(), moved.numbers), symprec=1e-3)
    assert len(found["rotations"]) == 1
    assert moved.get_volume() == pytest.approx(frame.get_volume())
    assert 0.0 < np.abs(moved.positions - frame.positions).max() < 0.5


def test_one_generator_gives_one_displacement_and_none_without_amplitude():
    frame = bulk("Cu", cubic=True)
    first, second = (displaced(frame, 0.05, FREE, generator()) for _ in range(2))
    assert np.array_equal(first.positions, second.positions)
    assert displaced(frame, 0.0, FREE, generator()) is frame


def test_the_minimum_distances_hold_however_large_the_amplitude():
    frame = bulk("Cu", "fcc", a=3.6, cubic=True)
    table = DistanceTable({("Cu", "Cu"): 2.5})
    assert table.violation(displaced(frame, 0.5, FREE, generator()))
    assert not table.violation(displaced(frame, 0.5, table, generator()))


def test_a_simple_cubic_metal_leaves_its_saddle():
    """Its only atom feels no force and its cell only pressure: relaxing it as it is keeps it cubic."""
    simple = Atoms("Cu", cell=np.eye(3) * 2.4, pbc=True)
    emt = load_potential("ase:ase.calculators.emt:EMT")
    stuck, free = relax([simple, displaced(simple, 0.05, FREE, generator())], emt, 0.0, RelaxSettings())
    assert stuck.info["spacegroup"] == "Pm-3m"
    assert free.info["enthalpy"] < stuck.info["enthalpy"] - 0.1
    assert free.info["spacegroup"] == "Fm-3m"
