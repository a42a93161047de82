"""One crystal reached from several starts."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.search.identical import divergences, idealised


def reached(seed: int, strain: float = 0.0) -> Atoms:
    """Copper in a cell of its own: a supercell, turned, with the noise of centroids."""
    atoms = bulk("Cu", cubic=True).repeat((1, 1, seed))
    atoms.set_cell(atoms.cell * (1 + strain), scale_atoms=True)
    atoms.rotate(17 * seed, (1, 2, 3), rotate_cell=True)
    atoms.positions += np.random.default_rng(seed).normal(scale=0.003, size=atoms.positions.shape)
    return atoms


def test_the_same_crystal_in_other_cells_is_found_whatever_its_free_energy() -> None:
    finals = {"a": reached(1), "b": reached(2, 0.005), "c": bulk("Cu", "bcc", a=2.87, cubic=True)}
    energies = {
        "a": {"G": -3.50, "corrected": -3.6010},
        "b": {"G": -3.42, "corrected": -3.6000},
        "c": {"G": -3.45, "corrected": -3.45},
    }
    (group,) = divergences(finals, energies)
    assert group.ids == ("a", "b")
    assert group.spread == pytest.approx({"G": 80.0, "corrected": 1.0})
    assert group.summary()["divergence"] == group.spread


def test_run_without_a_correction_has_no_corrected_divergence() -> None:
    finals = {"a": reached(1), "b": reached(1)}
    (group,) = divergences(finals, {"a": {"G": -1.0}, "b": {"G": -1.01, "corrected": -1.2}})
    assert group.ids == ("b", "a") and group.spread == pytest.approx({"G": 10.0})


def test_run_without_a_free_energy_is_left_out() -> None:
    assert divergences({"a": reached(1), "b": reached(1)}, {"a": {"G": -1.0}}) == []


def test_noise_of_centroids_does_not_hide_a_symmetry() -> None:
    assert len(idealised(reached(2))) == 1
