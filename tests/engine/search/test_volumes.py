from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import compositions
from aiida_anhcsp.engine.search.volumes import atomic_volume, learned_volume_per_atom, volume_per_atom


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
    relaxed = small.get_volume()
    assert learned_volume_per_atom(20.0, [small, large]) == pytest.approx(0.7 * relaxed + 0.3 * 20.0)


def test_the_volume_learned_is_per_atom():
    assert learned_volume_per_atom(20.0, [bulk("Cu")]) == pytest.approx(
        learned_volume_per_atom(20.0, [bulk("Cu") * (2, 2, 1)])
    )


def test_without_relaxed_structures_the_estimate_stands():
    assert learned_volume_per_atom(20.0, []) == 20.0
