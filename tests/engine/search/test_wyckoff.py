from __future__ import annotations

import numpy as np
import pytest
import spglib

from aiida_anhcsp.engine.search.wyckoff import compatible_groups, draw_cell, draw_sites, space_group


@pytest.mark.parametrize("number", [1, 15, 38, 166, 198, 227, 230])
def test_orbits_have_the_symmetry_of_their_group(number):
    group = space_group(number)
    cell = draw_cell(group.system, 400.0, np.random.default_rng(number))
    points = np.random.default_rng(1).random((4, 3))
    orbits = np.vstack([group.sites[0].orbit(point) for point in points])
    found = spglib.get_spacegroup((cell, orbits, np.repeat(range(4), len(orbits) // 4)), symprec=1e-5)
    assert found.endswith(f"({number})")


def test_primitive_vectors_divide_the_cell_by_its_centring():
    assert [space_group(number).cells for number in (1, 5, 38, 139, 225, 166)] == [1, 2, 2, 2, 4, 3]


def test_fixed_positions_are_the_points_without_freedom():
    assert space_group(221).fixed_sizes == {1: 2, 3: 2}
    assert space_group(1).free_sizes == (1,)


@pytest.mark.parametrize(
    ("counts", "number", "possible"),
    [
        ((3, 1), 229, True),
        ((3, 1), 227, False),
        ((1,), 2, True),
        ((10, 1), 225, True),
        ((1,), 14, False),
        ((1, 1), 227, False),
        ((2,), 227, True),
    ],
)
def test_a_group_hosts_what_its_positions_add_up_to(counts, number, possible):
    assert (number in compatible_groups(counts)) == possible


@pytest.mark.parametrize("counts", [(3, 1), (6, 2), (10, 1), (4, 8)])
def test_every_compatible_group_is_filled_and_no_fixed_position_twice(counts):
    rng = np.random.default_rng(5)
    for number in compatible_groups(counts):
        group = space_group(number)
        sites = draw_sites(group, counts, rng)
        assert [sum(site.multiplicity for site in kind) for kind in sites] == [count * group.cells for count in counts]
        fixed = [id(site) for kind in sites for site in kind if site.fixed]
        assert len(fixed) == len(set(fixed))


@pytest.mark.parametrize(
    ("system", "angles"),
    [
        ("monoclinic", {0: 90.0, 2: 90.0}),
        ("orthorhombic", {0: 90.0, 1: 90.0, 2: 90.0}),
        ("hexagonal", {0: 90.0, 1: 90.0, 2: 120.0}),
        ("triclinic", {}),
    ],
)
def test_cells_have_their_volume_and_the_angles_of_their_system(system, angles):
    from ase.cell import Cell

    cell = Cell(draw_cell(system, 50.0, np.random.default_rng(2)))
    assert cell.volume == pytest.approx(50.0)
    assert cell.handedness == 1
    for axis, angle in angles.items():
        assert cell.angles()[axis] == pytest.approx(angle)
