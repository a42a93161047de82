import numpy as np
import pytest
from ase.build import bulk
from sscha.Ensemble import Rydberg

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.dynamics import (
    finite_size,
    frequencies_gamma,
    harmonic,
    highest_frequency,
    interpolate,
    load,
    modes_below,
    raise_floor,
    save,
    to_structure,
)
from aiida_anhcsp.engine.sscha.ensemble import draw, evaluate

from .conftest import toy
from .copper_gold import copper_gold
from .toy import bond_frequency, crystal


def test_harmonic_frequencies_are_those_of_the_spring(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), toy_potential)
    expected = bond_frequency(5.0 + 4 * 20 * 0.02**2)
    assert frequencies_gamma(phonons) == pytest.approx([0, 0, 0, expected, expected, expected], rel=1e-5)


def test_gamma_does_not_depend_on_the_supercell(emt):
    structure = to_structure(copper_gold())
    small, large = (frequencies_gamma(harmonic(structure, cells, emt)) for cells in ((1, 1, 1), (2, 2, 2)))
    assert small == pytest.approx(large, abs=0.5)


def test_files_keep_the_matrices(emt, tmp_path):
    phonons = harmonic(to_structure(copper_gold()), (2, 2, 2), emt)
    save(phonons, tmp_path, 300)
    again = load(tmp_path)
    assert again.GetSupercell() == [2, 2, 2]
    assert np.allclose(again.q_tot, phonons.q_tot, atol=1e-10)
    assert np.allclose(again.dynmats, phonons.dynmats, atol=1e-14)


def test_a_folder_without_matrices_is_refused(tmp_path):
    with pytest.raises(InputError, match="--start"):
        load(tmp_path)


def test_the_floor_raises_imaginary_and_soft_modes_and_keeps_the_symmetry(emt):
    phonons = harmonic(to_structure(copper_gold()), (2, 2, 2), emt)
    for matrix in phonons.dynmats[1:]:
        matrix -= 0.3 * np.linalg.eigvalsh(matrix).max() * np.eye(len(matrix))
    phonons.Symmetrize()
    assert modes_below(phonons, 0.1) > 0
    highest = highest_frequency(phonons)
    raise_floor(phonons, 0.1)
    assert modes_below(phonons, 0.099 * highest / highest_frequency(phonons)) == 0
    before = np.array(phonons.dynmats)
    phonons.Symmetrize()
    assert np.allclose(phonons.dynmats, before, atol=1e-10)


def test_harmonic_matrices_are_carried_to_another_supercell_as_if_calculated_there(emt):
    structure = to_structure(copper_gold())
    carried = interpolate(harmonic(structure, (1, 1, 1), emt), (2, 2, 2), emt, 0.05)
    direct = harmonic(structure, (2, 2, 2), emt)
    assert np.allclose(carried.dynmats, direct.dynmats, atol=1e-5)


def test_the_finite_size_shift_is_that_of_python_sscha(emt):
    phonons = harmonic(to_structure(bulk("Cu", a=3.5)), (2, 2, 2), emt)
    ensemble = draw(phonons, 300, 4, (1,), paired=True)
    evaluate(ensemble, emt, 0.0)
    found = finite_size(phonons, 300)
    theirs = ensemble.get_free_energy_interpolating([4, 4, 4]) - ensemble.get_free_energy() / 8
    assert found["mesh"] == [4, 4, 4]
    assert found["shift"] == pytest.approx(theirs * Rydberg, abs=1e-5)


def test_an_interpolation_with_imaginary_modes_is_of_no_use(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=-2.0)))
    assert finite_size(phonons, 0)["imaginary_modes"] > 0
