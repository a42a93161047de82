from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.search import initial
from aiida_anhcsp.engine.search.composition import Composition
from aiida_anhcsp.engine.search.geometry import neighbours
from aiida_anhcsp.engine.search.initial import (
    MISSES_BEFORE_EXCLUSION,
    RandomStructures,
    generator_of,
    random_population,
    random_source,
    symmetric_structure,
)
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.engine.search.wyckoff import compatible_groups, space_group

H3S = {"formula": "H3S", "formula_units": "1-2", "pressure": 130, "population": 12, "generations": 2, "seed": 4}


def settings(**changes: object) -> SearchSettings:
    return SearchSettings.parse({**H3S, **changes})


def test_structures_have_the_formula_the_distances_and_about_the_volume_asked_for():
    table = settings().distance_table()
    for frame in random_population(settings()):
        assert frame.get_chemical_formula(empirical=True) == "H3S"
        assert len(frame) in (4, 8)
        assert not table.violation(frame)
        assert frame.cell.handedness == 1
        assert frame.get_volume() / len(frame) == pytest.approx(3.77, rel=0.11)


def test_one_seed_gives_the_same_structures_bit_for_bit():
    first, second = random_population(settings()), random_population(settings())
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(first, second, strict=True))
    assert all(np.array_equal(a.cell[:], b.cell[:]) for a, b in zip(first, second, strict=True))


def test_structures_without_symmetry_come_in_the_share_asked_for():
    """Only what is put into P1 on purpose has no symmetry at all that is not by chance."""
    frames = random_population(settings(without_symmetry=1.0, displacement=0.0))
    cells = [(frame.cell[:], frame.get_scaled_positions(), frame.numbers) for frame in frames]
    assert all(len(spglib.get_symmetry(cell, symprec=1e-4)["rotations"]) == 1 for cell in cells)
    symmetric = random_population(settings(displacement=0.0))
    cells = [(frame.cell[:], frame.get_scaled_positions(), frame.numbers) for frame in symmetric]
    assert sum(len(spglib.get_symmetry(cell, symprec=1e-4)["rotations"]) == 1 for cell in cells) < len(cells) / 2


def test_lower_distances_allow_more_but_do_not_bring_atoms_closer_where_there_is_room():
    """Nearest neighbours of Cu-Au stay at about the length of a bond."""

    def nearest(**keys):
        alloy = settings(formula="Cu4Au4", formula_units="1", pressure=0, population=40, **keys)
        frames = random_population(alloy)
        return np.array([neighbours(frame, 6.0).distance.min() for frame in frames])

    usual, low = nearest(), nearest(minimum_distances={"Cu-Cu": 1.2, "Cu-Au": 1.2, "Au-Au": 1.2})
    assert np.median(low) > 0.95 * np.median(usual)
    assert low.min() < 2.11 < usual.min() + 1e-9


@pytest.mark.parametrize(("formula", "parts"), [("Si8", {2, 4}), ("Ti4O8", {2, 4}), ("Ag6", {2, 3})])
def test_structures_of_subcells_are_crystals_of_fewer_atoms_repeated(formula, parts):
    keys = {"formula": formula, "formula_units": "1", "pressure": 0, "population": 24, "displacement": 0.0}
    frames = random_population(settings(**keys, subcells=1.0))
    table = settings(**keys).distance_table()
    found = set()
    for frame in frames:
        assert frame.get_chemical_formula() == Atoms(formula).get_chemical_formula()
        assert not table.violation(frame) and frame.cell.handedness == 1
        primitive = spglib.find_primitive((frame.cell[:], frame.get_scaled_positions(), frame.numbers), symprec=1e-3)
        found.add(len(frame) // len(primitive[2]))
    assert 1 not in found and parts <= found


def test_subcells_come_in_the_share_asked_for():
    keys = {"formula": "Cu4Au4", "formula_units": "1", "pressure": 0, "population": 60, "displacement": 0.0}
    frames = random_population(settings(**keys, without_symmetry=1.0, subcells=0.5))
    cells = [(frame.cell[:], frame.get_scaled_positions(), frame.numbers) for frame in frames]
    whole = sum(len(spglib.find_primitive(cell, symprec=1e-4)[2]) == 8 for cell in cells)
    assert 18 <= whole <= 42


def test_where_there_is_nothing_to_divide_nothing_depends_on_the_share_of_subcells():
    without, with_them = (random_population(settings(formula_units="1", subcells=share)) for share in (0.0, 1.0))
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(without, with_them, strict=True))


def test_seeds_and_generations_give_different_structures():
    cells = [
        random_population(settings(seed=seed), generation=generation, number=1)[0].cell[:]
        for seed, generation in ((4, 0), (5, 0), (4, 1))
    ]
    assert not np.allclose(cells[0], cells[1])
    assert not np.allclose(cells[0], cells[2])


def test_identities_count_within_the_generation():
    frames = random_population(settings(), generation=3, number=2)
    assert [frame.info for frame in frames] == [
        {"id": "g003-0000", "generation": 3, "operator": "random"},
        {"id": "g003-0001", "generation": 3, "operator": "random"},
    ]


@pytest.mark.parametrize(
    ("keys", "volume"),
    [
        ({"formula_units": 1}, 4.0),
        ({"formula_units": 2}, 4.0),
        ({"formula": "Si16", "formula_units": 1, "pressure": 0}, 20.0),
    ],
)
def test_a_structure_has_at_least_the_symmetry_of_its_space_group(keys, volume):
    """Also where many atoms push each other apart."""
    chosen = settings(**keys)
    (composition,) = chosen.compositions()
    for number in compatible_groups(composition.counts)[::9]:
        table = chosen.distance_table()
        frame = symmetric_structure(composition, number, volume, table, table, generator_of(1, 0, number))
        if frame is not None:
            group = space_group(number)
            found = spglib.get_symmetry((frame.cell[:], frame.get_scaled_positions(), frame.numbers), symprec=1e-4)
            assert len(found["rotations"]) >= group.sites[0].multiplicity // group.cells


def test_relaxed_structures_teach_the_volume():
    taught = random_population(settings(), number=1)[0]
    taught.set_cell(taught.cell * np.cbrt(8.0 * len(taught) / taught.get_volume()), scale_atoms=True)
    source = random_source(settings(), [taught] * 400)
    assert all(volume == pytest.approx(8.0, rel=0.02) for volume in source.volumes.values())


def test_a_learned_volume_without_room_for_the_distances_is_not_taken():
    small = random_population(settings(), number=1)[0]
    small.set_cell(small.cell * np.cbrt(0.5 * len(small) / small.get_volume()), scale_atoms=True)
    assert random_source(settings(), [small] * 400).volumes == random_source(settings()).volumes


def test_distances_that_leave_no_room_are_refused_at_once():
    with pytest.raises(InputError, match=r"^minimum_distances: .* lower S-S"):
        random_population(settings(minimum_distances={"S-S": 4.0}))


def test_distances_that_no_trial_obeys_end_in_bounded_time():
    with pytest.raises(InputError, match=r"^minimum_distances: no structure obeys them in 60 attempts"):
        random_population(settings(minimum_distances={"H-S": 3.5}), number=1)


class Hosts:
    """Space groups that give a structure where ``gives`` says so, of the group and how often it was tried before."""

    def __init__(self, gives: Callable[[int, int], bool]) -> None:
        self.gives, self.tried = gives, Counter[int]()

    def __call__(self, composition: Composition, group: int, *_: object) -> Atoms | None:
        self.tried[group] += 1
        return bulk("Cu") if self.gives(group, self.tried[group] - 1) else None


def source_of(monkeypatch: pytest.MonkeyPatch, gives: Callable[[int, int], bool]) -> tuple[RandomStructures, Hosts]:
    """A source of which four space groups can host the one composition."""
    hosts = Hosts(gives)
    monkeypatch.setattr(initial, "compatible_groups", lambda counts: (1, 2, 3, 4))
    monkeypatch.setattr(initial, "symmetric_structure", hosts)
    return random_source(settings(formula="Cu", formula_units="1", pressure=0)), hosts


def test_only_space_groups_that_never_gave_a_structure_are_left_out(monkeypatch):
    """Group 1 always gives a structure, 2 only the first time, 3 and 4 never."""
    source, hosts = source_of(monkeypatch, lambda group, before: group == 1 or (group == 2 and before == 0))
    for index in range(60):
        source.draw(generator_of(1, 0, index))
    assert list(source.groups.values()) == [[1, 2]]
    assert hosts.tried[3] == hosts.tried[4] == MISSES_BEFORE_EXCLUSION
    assert hosts.tried[2] > 5 * MISSES_BEFORE_EXCLUSION


def test_space_groups_that_all_missed_are_opened_once_more(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    source, hosts = source_of(monkeypatch, lambda group, before: group == 2 and before >= MISSES_BEFORE_EXCLUSION)
    source.draw(generator_of(1, 0, 0))
    assert sum(hosts.tried.values()) > 4 * MISSES_BEFORE_EXCLUSION
    assert caplog.text.count("no space group is left for Cu, all are tried again") == 1


def test_a_generation_that_has_begun_is_not_given_up_for_one_structure(monkeypatch):
    """After a first structure there are 100 misses in a row."""
    drawn = Counter[str]()

    def gives(group: int, before: int) -> bool:
        drawn["tries"] += 1
        return drawn["tries"] == 1 or drawn["tries"] > 100

    source, _ = source_of(monkeypatch, gives)
    assert all(len(source.draw(generator_of(1, 0, index))) for index in range(2))


def test_space_groups_that_all_missed_twice_are_given_up(monkeypatch):
    source, hosts = source_of(monkeypatch, lambda group, before: False)
    with pytest.raises(InputError, match=r"^minimum_distances: no structure obeys them"):
        source.draw(generator_of(1, 0, 0))
    assert hosts.tried == dict.fromkeys((1, 2, 3, 4), 2 * MISSES_BEFORE_EXCLUSION)
