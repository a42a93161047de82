import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.sscha.lattice import check_structure, primitive_cell, spacegroup


def test_conventional_cell_becomes_the_primitive_one():
    primitive = primitive_cell(bulk("Cu", cubic=True), 0.01)
    assert len(primitive) == 1
    assert spacegroup(primitive, 1e-5) == "Fm-3m"


def test_small_noise_is_symmetrised_away():
    noisy = bulk("Cu", cubic=True) * (2, 1, 1)
    noisy.rattle(1e-3, seed=1)
    assert spacegroup(primitive_cell(noisy, 0.01), 1e-5) == "Fm-3m"


def test_overlapping_atoms_are_named():
    atoms = Atoms("H2", positions=[[0, 0, 0], [0.1, 0, 0]], cell=[3, 3, 3], pbc=True)
    with pytest.raises(InputError, match="STRUCTURE: atoms 0 and 1 overlap"):
        check_structure(atoms, "STRUCTURE")


def test_a_molecule_is_no_crystal():
    with pytest.raises(InputError, match="not periodic"):
        check_structure(Atoms("H2", positions=[[0, 0, 0], [0.7, 0, 0]]), "STRUCTURE")


def test_nonfinite_coordinates_are_refused():
    atoms = Atoms("H", positions=[[np.nan, 0, 0]], cell=[3, 3, 3], pbc=True)
    with pytest.raises(InputError, match="non-finite"):
        check_structure(atoms, "STRUCTURE")
