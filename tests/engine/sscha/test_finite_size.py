import numpy as np
import pytest
from ase.build import bulk
from sscha.Ensemble import Rydberg

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.dynamics import harmonic, to_structure
from aiida_anhcsp.engine.sscha.ensemble import draw, evaluate
from aiida_anhcsp.engine.sscha.finite_size import SPACING, common_mesh, finite_size, free_energy
from aiida_anhcsp.engine.sscha.q_density import differ, missing_shift, q_density, shift_of

from .conftest import toy
from .copper_gold import copper_gold
from .toy import crystal


def test_the_shift_is_that_of_python_sscha(emt):
    phonons = harmonic(to_structure(bulk("Cu", a=3.5)), (2, 2, 2), emt)
    ensemble = draw(phonons, 300, 4, (1,), paired=True)
    evaluate(ensemble, emt, 0.0)
    found = finite_size(phonons, 300, (4, 4, 4))
    theirs = ensemble.get_free_energy_interpolating([4, 4, 4]) - ensemble.get_free_energy() / 8
    assert found["shift"] == pytest.approx(theirs * Rydberg, abs=1e-5)


@pytest.mark.parametrize("temperature", [0, 300])
def test_supercells_of_one_crystal_meet_at_the_common_density(emt, temperature):
    structure = to_structure(copper_gold())
    found = {}
    for supercell in ((2, 2, 2), (3, 3, 3), (4, 4, 4)):
        phonons = harmonic(structure, supercell, emt)
        own = float(np.real(phonons.GetHarmonicFreeEnergy(temperature))) / np.prod(supercell) * Rydberg
        size = finite_size(phonons, temperature)
        found[supercell] = (own, own + size["shift"], size["shift_error"])
    best = found[4, 4, 4][1]
    for own, carried, error in found.values():
        assert abs(carried - best) <= min(error, 1e-3)
        assert abs(carried - best) < abs(own - best)


def test_a_mesh_as_dense_as_the_common_one_has_no_shift(emt):
    phonons = harmonic(to_structure(copper_gold()), (2, 2, 2), emt)
    assert finite_size(phonons, 300, (2, 2, 2))["shift"] == pytest.approx(0, abs=1e-7)


def test_an_interpolation_with_imaginary_modes_is_of_no_use(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=-2.0)))
    assert finite_size(phonons, 0)["imaginary_modes"] > 0


def test_the_common_density_is_one_of_space_and_not_of_cells():
    small, large = np.eye(3) * 3.0, np.diag([3.0, 6.0, 12.0])
    for cell in (small, large):
        steps = 2 * np.pi / (np.diag(cell) * common_mesh(cell, (1, 1, 1)))
        assert np.all(steps <= SPACING) and np.all(steps > SPACING / 2)
    assert common_mesh(np.eye(3) * 60.0, (2, 2, 2)) == (2, 2, 2)


def test_free_energy_of_a_classical_mode():
    frequency, temperature = 1e-6, 1000.0
    thermal = 8.617333e-5 * temperature / Rydberg
    assert free_energy(np.array([frequency**2]), temperature) == pytest.approx(
        thermal * np.log(frequency / thermal), rel=1e-6
    )


def result(supercell, volume, **finite_size):
    return {"stages": [{"supercell": supercell}], "volume": volume, "n_atoms": 4, "finite_size": finite_size}


def test_densities_are_those_of_the_supercells():
    one, eight = q_density(result([1, 1, 1], 80.0)), q_density(result([2, 2, 1], 20.0))
    assert one == eight == 80.0
    assert not differ([one, eight, 90.0, None])
    assert differ([one, 100.0])


def test_a_shift_is_told_per_atom_and_its_absence_with_the_reason():
    shifted = result([2, 2, 2], 20.0, shift=0.02, shift_error=0.01)
    assert (shift_of(shifted).value, shift_of(shifted).error) == (0.005, 0.0025)
    useless = result([2, 2, 2], 20.0, imaginary_modes=3)
    assert shift_of(useless) is None
    assert "3 modes are imaginary" in missing_shift(useless)
    assert "no audit" in missing_shift(result([2, 2, 2], 20.0))
