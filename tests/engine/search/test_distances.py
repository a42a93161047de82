from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.spacegroup import crystal
from ase.spacegroup.symmetrize import check_symmetry

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.search import distances
from aiida_anhcsp.engine.search.composition import compositions
from aiida_anhcsp.engine.search.distances import DistanceTable, distance_table
from aiida_anhcsp.engine.search.geometry import neighbours


def test_given_distances_hold_in_either_order_and_the_rest_follow_from_radii():
    table = distance_table(["H", "S"], 130.0, {"S-H": 1.2})
    assert table["H", "S"] == table["S", "H"] == 1.2
    assert 0.4 < table["H", "H"] < 0.7


@pytest.mark.parametrize(
    ("first", "second", "pressure", "shortest"),
    [
        ("H", "H", 300.0, 0.73),
        ("H", "S", 130.0, 1.45),
        ("S", "S", 150.0, 2.05),
        ("H", "La", 150.0, 2.07),
        ("N", "N", 0.0, 1.10),
        ("C", "O", 0.0, 1.13),
        ("O", "S", 0.0, 1.43),
        ("O", "V", 0.0, 1.59),
        ("Cl", "Ti", 0.0, 2.17),
        ("Cs", "Cs", 50.0, 3.1),
        ("K", "K", 100.0, 2.67),
        ("Cu", "Au", 0.0, 2.65),
    ],
)
def test_bonds_known_to_exist_are_allowed(first, second, pressure, shortest):
    assert distance_table([first, second], pressure)[first, second] < shortest


def test_pressure_shortens_all_distances_and_soft_large_atoms_most():
    ambient, compressed = (distance_table(["H", "La"], pressure) for pressure in (0.0, 150.0))
    ratios = {pair: compressed[pair] / ambient[pair] for pair in ambient.minima}
    assert ratios["La", "La"] < ratios["H", "La"] < ratios["H", "H"] < 1.0


@pytest.mark.parametrize(
    "given", [{"H-S": 1.0, "S-H": 1.2}, {"H-O": 1.0}, {"HS": 1.0}, {"H-S-H": 1.0}, {"H-S": -1.0}, {"H-S": 0.0}]
)
def test_contradictory_or_malformed_distances_are_refused_by_name(given):
    with pytest.raises(InputError, match=r"^minimum_distances: "):
        distance_table(["H", "S"], 0.0, given)


def test_distances_that_even_close_packing_cannot_obey_are_refused():
    (composition,) = compositions("H3S", 1)
    distance_table(["H", "S"], 130.0).require_room(composition, 15.4, 130.0)
    with pytest.raises(InputError, match="S-S"):
        distance_table(["H", "S"], 130.0, {"S-S": 2.9}).require_room(composition, 15.4, 130.0)


def test_atoms_of_several_elements_are_packed_together():
    """Closest packing of four atoms 3.5 angstrom apart takes 4 d^3 / sqrt(2) = 121 angstrom^3."""
    (composition,) = compositions("Cu2Au2", 1)
    table = distance_table(["Cu", "Au"], 0.0, dict.fromkeys(("Cu-Cu", "Cu-Au", "Au-Au"), 3.5))
    room = 4 * 3.5**3 / np.sqrt(2)
    table.require_room(composition, 1.001 * room, 0.0)
    with pytest.raises(InputError, match=r"4 Cu and Au atoms 3\.50 angstrom apart do not fit .*lower Cu-Cu$"):
        table.require_room(composition, 0.999 * room, 0.0)
    with pytest.raises(InputError, match=r"lower Cu-Cu or the pressure$"):
        table.require_room(composition, 0.999 * room, 20.0)


def test_a_violation_names_the_pair_also_between_periodic_images():
    table = distance_table(["H", "S"], 0.0, {"S-S": 2.0, "H-S": 1.0, "H-H": 0.6})
    frame = Atoms("SH", scaled_positions=[[0.1, 0, 0], [0.9, 0, 0]], cell=[3.0, 4.0, 4.0], pbc=True)
    assert table.violation(frame).startswith("H-S")
    frame.positions[1, 0] = 1.6
    assert table.violation(frame) == ""
    frame.set_cell([3.0, 4.0, 1.9], scale_atoms=True)
    assert table.violation(frame).startswith("S-S")


def test_relief_separates_overlapping_atoms_and_moves_no_other():
    table = distance_table(["H", "S"], 130.0)
    frame = Atoms("SH3", positions=[[0, 0, 0], [0.5, 0.1, 0], [2, 2, 2], [0, 2, 2]], cell=4.0 * np.eye(3), pbc=True)
    relieved = table.relieved(frame)
    assert table.violation(frame)
    assert not table.violation(relieved)
    assert np.array_equal(relieved.positions[2:], frame.positions[2:])


def test_relief_keeps_the_space_group():
    table = distance_table(["Si"], 0.0, {"Si-Si": 3.0})
    frame = crystal("Si", [(0.07, 0.07, 0.07)], spacegroup=198, cellpar=[4.5, 4.5, 4.5, 90, 90, 90])
    assert table.violation(frame)
    relieved = table.relieved(frame)
    assert not table.violation(relieved)
    assert check_symmetry(relieved, symprec=1e-5).number == 198


def test_relief_of_atoms_that_symmetry_holds_ends_at_once(monkeypatch):
    """Caesium chloride in too small a cell: all pushes cancel."""
    searches = []
    monkeypatch.setattr(distances, "neighbours", lambda *given: searches.append(given) or neighbours(*given))
    frame = Atoms("CuAu", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=2.6 * np.eye(3), pbc=True)
    relieved = distance_table(["Cu", "Au"], 0.0, {"Cu-Au": 2.4}).relieved(frame)
    assert np.array_equal(relieved.positions, frame.positions)
    assert len(searches) == 1


def test_allowed_frames_are_left_alone():
    table = distance_table(["Si"], 0.0)
    frame = crystal("Si", [(0, 0, 0)], spacegroup=227, cellpar=[5.43, 5.43, 5.43, 90, 90, 90])
    assert np.array_equal(table.relieved(frame).positions, frame.positions)


def test_relief_brings_atoms_to_the_spacing_where_there_is_room():
    table = distance_table(["Si"], 0.0, {"Si-Si": 1.8})
    frame = Atoms("Si3", positions=[[0, 0, 0], [1.9, 0, 0], [0, 2, 0]], cell=[7, 7, 2.0], pbc=True)
    relieved = table.relieved(frame, spacing=1.25)
    assert not table.violation(frame)
    assert relieved.get_distance(0, 1, mic=True) >= 1.25 * 1.8
    assert relieved.get_distance(0, 2, mic=True) >= 1.25 * 1.8


def test_a_raised_table_has_the_longer_of_its_distances_and_the_share_of_the_others():
    low, high = (
        DistanceTable({("Au", "Cu"): 2.0, ("Cu", "Cu"): 1.0}),
        DistanceTable({("Au", "Cu"): 2.2, ("Cu", "Cu"): 1.8}),
    )
    assert low.raised(high, 0.5).minima == {("Au", "Cu"): 2.0, ("Cu", "Cu"): 1.0}
    assert low.raised(high).minima == high.minima and high.raised(low).minima == high.minima
