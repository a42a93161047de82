from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import compositions
from aiida_anhcsp.engine.search.volumes import atomic_volume, volume_per_atom, volume_ratio


@pytest.mark.parametrize(
    ("formula", "pressure", "known"),
    [
        ("H3S", 50.0, 5.0),
        ("H3S", 130.0, 3.85),
        ("H3S", 250.0, 3.05),
        ("LaH10", 150.0, 33.55 / 11),
        ("CuAu", 0.0, 14.0),
        ("Si16", 0.0, 20.0),
    ],
)
def test_the_estimate_is_within_fifteen_percent_of_known_crystals(formula, pressure, known):
    (composition,) = compositions(formula, 1)
    assert volume_per_atom(composition, pressure) == pytest.approx(known, rel=0.15)


@pytest.mark.parametrize("element", ["H", "O", "Ne", "S", "Ca", "La", "Pu"])
def test_volume_falls_with_pressure_ever_more_slowly(element):
    volumes = np.array([atomic_volume(element, pressure) for pressure in (0.0, 50.0, 100.0, 150.0, 200.0)])
    assert np.all(np.diff(volumes) < 0)
    assert np.all(np.diff(volumes, 2) > 0)


def test_relaxed_structures_outweigh_the_estimate_and_the_lower_half_counts():
    small, large = bulk("Cu", a=3.6), bulk("Cu", a=4.6)
    relaxed = small.get_volume() / atomic_volume("Cu", 0.0)
    assert volume_ratio([small, large], 0.0) == pytest.approx(0.7 * relaxed + 0.3)


def test_the_ratio_is_the_same_for_a_supercell_and_for_another_formula():
    copper = bulk("Cu")
    gold = bulk("Au", a=np.cbrt(4.0 * copper.get_volume() * atomic_volume("Au", 0.0) / atomic_volume("Cu", 0.0)))
    ratio = volume_ratio([copper], 0.0)
    assert volume_ratio([copper * (2, 2, 1)], 0.0) == pytest.approx(ratio)
    assert volume_ratio([gold], 0.0) == pytest.approx(ratio)


def test_without_relaxed_structures_the_estimate_stands():
    assert volume_ratio([], 0.0) == 1.0
