import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.sscha.lattice import (
    automatic_supercells,
    check_structure,
    check_supercell,
    image_distance,
    primitive_cell,
    repeated,
    spacegroup,
)


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


@pytest.mark.parametrize("structure", [bulk("Cu"), bulk("Fe")])
def test_a_supercell_that_breaks_the_point_group_is_refused(structure):
    check_supercell(structure, (2, 2, 2), 0.01)
    with pytest.raises(InputError, match="2x1x1 breaks the crystal's point group"):
        check_supercell(structure, (2, 1, 1), 0.01)


def test_a_hexagonal_cell_may_be_repeated_along_its_axis_alone():
    check_supercell(bulk("Mg"), (1, 1, 2), 0.01)
    check_supercell(bulk("Mg"), (3, 3, 2), 0.01)


def test_repetition_goes_along_the_first_axis_first():
    cell = bulk("Mg")
    supercell = repeated(cell, (2, 1, 3))
    assert len(supercell) == 12
    assert np.allclose(supercell.positions[2:4], cell.positions + cell.cell.array[0])
    assert np.allclose(supercell.positions[4:6], cell.positions + cell.cell.array[2])


def test_a_single_atom_needs_a_supercell():
    with pytest.raises(InputError, match="no vibrations in 1x1x1"):
        check_supercell(bulk("Cu"), (1, 1, 1), 0.01)


def test_small_cells_get_more_than_eight_atoms_and_then_images_out_of_reach():
    first, second, third = automatic_supercells(bulk("Cu"), 8.0, 0.01)
    assert (first, second, third) == ((3, 3, 3), (4, 4, 4), (7, 7, 7))
    assert image_distance(bulk("Cu"), second) > 8.0 > image_distance(bulk("Cu"), first)
    assert len(automatic_supercells(bulk("Cu"), 5.0, 0.01)) == 2


def test_a_primitive_cell_of_more_than_eight_atoms_comes_first():
    assert automatic_supercells(bulk("Cu", cubic=True) * (3, 1, 1), 3.0, 0.01)[0] == (1, 1, 1)


@pytest.mark.parametrize("structure", [bulk("Mg"), bulk("Fe"), bulk("Ti") * (1, 1, 2)])
def test_automatic_supercells_keep_the_point_group(structure):
    for multiples in automatic_supercells(structure, 5.0, 0.01):
        check_supercell(structure, multiples, 0.01)


def test_images_are_counted_across_the_shortest_diagonal():
    slanted = Atoms("H", cell=[[3, 0, 0], [2.9, 0.5, 0], [0, 0, 3]], pbc=True)
    assert image_distance(slanted, (1, 1, 1)) == pytest.approx(np.hypot(0.1, 0.5))


def test_the_first_supercell_is_compact_where_sixteen_atoms_allow_it():
    """The smallest hexagonal one with more than eight atoms would be 1x1x5, 3.2 angstrom wide."""
    first, *_ = automatic_supercells(bulk("Mg"), 5.0, 0.01)
    assert first == (2, 2, 2)
