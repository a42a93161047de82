import numpy as np
import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.dynamics import (
    frequencies_gamma,
    gamma_squared_frequencies,
    harmonic,
    highest_frequency,
    interpolate,
    load,
    lowest_frequency,
    modes_below,
    raise_floor,
    root_masses,
    save,
    to_structure,
)

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


def test_an_optical_mode_of_zero_frequency_is_not_taken_for_a_translation(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=0.0, lam=0.0)))
    assert frequencies_gamma(phonons) == pytest.approx([0] * 6, abs=1e-3)
    assert len(gamma_squared_frequencies(phonons)) == 3


def test_moving_all_atoms_together_gives_no_mode(emt):
    phonons = harmonic(to_structure(copper_gold()), (2, 2, 2), emt)
    before = lowest_frequency(phonons)
    roots = root_masses(phonons)
    uniform = np.kron(np.ones((4, 1)), np.eye(3)) * roots[:, None]
    phonons.dynmats[0] = phonons.dynmats[0] - 0.1 * (uniform @ uniform.T) * np.outer(roots, roots) / np.sum(roots**2)
    assert lowest_frequency(phonons) == pytest.approx(before, rel=1e-6)
    assert frequencies_gamma(phonons)[:3] == [0, 0, 0]
