from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.search.composition import compositions
from aiida_anhcsp.engine.search.volumes import atomic_volume, learned_factors, volume_per_atom


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


def crystal(kind, scale, formula):
    """Rock salt, or a face-centred element, of atoms ``scale`` times (by element) their estimated volumes."""
    atoms = bulk(formula, kind, a=4.0)
    volume = sum(scale[symbol] * atomic_volume(symbol, 0.0) for symbol in atoms.symbols)
    atoms.set_cell(atoms.cell * (volume / atoms.get_volume()) ** (1 / 3), scale_atoms=True)
    return atoms


def test_the_more_has_relaxed_the_less_counts_the_first_estimate():
    small, large = crystal("fcc", {"Cu": 0.7}, "Cu"), crystal("fcc", {"Cu": 1.5}, "Cu")
    of_one, of_four, of_all = (learned_factors([small] * n, 0.0)["Cu"] for n in (1, 8, 400))
    assert of_one == pytest.approx((0.7 + 2.0) / 3.0)
    assert of_four == pytest.approx((4 * 0.7 + 2.0) / 6.0)
    assert of_all == pytest.approx(0.7, rel=0.01)
    assert learned_factors([small, large], 0.0)["Cu"] == of_one  # the lower half counts
    assert learned_factors([small * (2, 2, 1)], 0.0)["Cu"] == pytest.approx(of_one)


def test_elements_and_compounds_teach_each_element_its_volume():
    scale = {"Na": 0.8, "Cl": 1.3}
    known = [crystal("rocksalt", scale, "NaCl"), crystal("fcc", scale, "Na")] * 500
    learned = learned_factors(known, 0.0)
    assert learned == pytest.approx(scale, rel=0.05)
    (salt,) = compositions("Na2Cl", 1)
    expected = sum(count * scale[e] * atomic_volume(e, 0.0) for e, count in (("Na", 2), ("Cl", 1))) / 3
    assert volume_per_atom(salt, 0.0, learned) == pytest.approx(expected, rel=0.05)


def test_what_nothing_is_known_of_stays_at_its_estimate():
    (salt,) = compositions("NaCl", 1)
    assert volume_per_atom(salt, 0.0, {"Na": 1.0}) == volume_per_atom(salt, 0.0)
