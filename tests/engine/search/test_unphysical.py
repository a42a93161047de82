"""Ghost minima and atoms inside each other are set aside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.engine.search.unphysical import is_unphysical, set_aside_unphysical

SETTINGS = SearchSettings.parse({"formula": "Cu", "pressure": 10, "population": 6, "generations": 1, "seed": 1})


def relaxed(index: int, a: float = 3.6, enthalpy: float = -3.0) -> Atoms:
    atoms = bulk("Cu", "fcc", a=a, cubic=True)
    atoms.info = {"id": f"g000-{index:04d}", "status": "converged", "enthalpy": enthalpy}
    return atoms


def test_ordinary_structures_stay_as_they_are() -> None:
    frames = [relaxed(index, enthalpy=-3.0 - 0.1 * index) for index in range(6)]
    judged = set_aside_unphysical(frames, SETTINGS)
    assert [frame.info for frame in judged] == [frame.info for frame in frames]


def test_atoms_inside_each_other_are_unphysical_however_low() -> None:
    judged = set_aside_unphysical([relaxed(0), relaxed(1, a=2.0, enthalpy=-9.0)], SETTINGS)
    assert [is_unphysical(frame) for frame in judged] == [False, True]
    assert "Cu-Cu closer than" in judged[1].info["reason"]
    np.testing.assert_allclose(judged[1].cell.array, bulk("Cu", "fcc", a=2.0, cubic=True).cell.array)


def test_ghost_minimum_is_not_ranked() -> None:
    frames = [relaxed(index, enthalpy=-3.0 + 0.1 * index) for index in range(20)] + [relaxed(20, enthalpy=-6.0)]
    judged = set_aside_unphysical(frames, SETTINGS)
    assert judged[20].info["status"] == "unphysical" and "enthalpy" not in judged[20].info
    assert rank(judged, SETTINGS)[0].info["rank"] == 1


def test_before_the_end_of_relaxations_only_what_is_far_below_their_wide_spread_is_a_ghost() -> None:
    """Carbon after five steps: a diamond 1.4 eV/atom below the lower tenth is no ghost, what is 4 below is one."""
    frames = [relaxed(index, enthalpy=-6.0 + 0.2 * index) for index in range(20)]
    frames += [relaxed(20, enthalpy=-7.4), relaxed(21, enthalpy=-10.0)]
    ghosts = {
        at_rest: [f.info["id"] for f in set_aside_unphysical(frames, SETTINGS, at_rest) if is_unphysical(f)]
        for at_rest in (True, False)
    }
    assert ghosts == {True: ["g000-0020", "g000-0021"], False: ["g000-0021"]}


def ghosts_among(enthalpies: Sequence[float], at_rest: bool = True) -> list[int]:
    frames = [relaxed(index, enthalpy=float(value)) for index, value in enumerate(enthalpies)]
    judged = set_aside_unphysical(frames, SETTINGS, at_rest)
    return [index for index, frame in enumerate(judged) if is_unphysical(frame)]


@pytest.mark.parametrize("at_rest", [True, False])
@pytest.mark.parametrize(("number", "ghosts", "depth"), [(20, 3, 5.0), (40, 5, 30.0), (40, 16, 10.0)])
def test_ghosts_that_are_a_tenth_or_more_do_not_hide_each_other(number, ghosts, depth, at_rest) -> None:
    """A wrong potential draws many structures into one ghost; the lower tenth is then itself of ghosts."""
    enthalpies = -3.0 + np.random.default_rng(number).lognormal(-0.5, 0.7, size=number)
    enthalpies[:ghosts] = -3.0 - depth + 0.05 * np.arange(ghosts)
    assert ghosts_among(enthalpies, at_rest) == list(range(ghosts))


def test_below_a_gap_and_above_it_ghosts_are_told_by_the_others_alone() -> None:
    enthalpies = [*np.linspace(-3.0, -2.0, 15), -4.2, *np.linspace(-13.1, -13.0, 4)]
    assert ghosts_among(enthalpies) == [15, 16, 17, 18, 19]


@pytest.mark.parametrize("at_rest", [True, False])
@pytest.mark.parametrize("number", [6, 20, 40, 100])
def test_random_structures_of_wide_spread_hold_no_ghosts(number, at_rest) -> None:
    """Under pressure they lie up to 12 eV/atom above the lowest, the more the fewer."""
    rng = np.random.default_rng(7)
    for _ in range(20):
        enthalpies = -3.0 + np.minimum(12.0, rng.lognormal(0.0, 1.0, size=number))
        assert not ghosts_among(enthalpies, at_rest)


def test_few_structures_do_not_tell_what_is_usual() -> None:
    frames = [relaxed(0), relaxed(1, enthalpy=-6.0)]
    assert not any(map(is_unphysical, set_aside_unphysical(frames, SETTINGS)))


VARIABLE = SearchSettings.parse(
    {"composition": {"elements": {"Cu": "0-19", "Au": "0-19"}, "atoms": "1-22"}, "population": 20, "generations": 1}
    | {"seed": 1}
)


def over_compositions() -> list[Atoms]:
    """Twenty compositions of Cu-Au, a fifth of an eV/atom of scatter about a line that is steep."""
    frames = []
    for index in range(20):
        frame = bulk("Cu", "fcc", a=4.0).repeat((19, 1, 1))
        frame.symbols[:index] = "Au"
        enthalpy = -1.0 - 8.0 * index / 19 - 0.1 * (index % 3)
        frame.info = {"id": f"g000-{index:04d}", "status": "converged", "enthalpy": enthalpy}
        frames.append(frame)
    return frames


def test_ghost_among_as_many_compositions_as_structures_is_told_by_its_distance_from_the_line() -> None:
    frames = over_compositions()
    assert not any(map(is_unphysical, set_aside_unphysical(frames, VARIABLE)))
    frames[4].info["enthalpy"] -= 3.0
    judged = set_aside_unphysical(frames, VARIABLE)
    assert [frame.info["id"] for frame in judged if is_unphysical(frame)] == ["g000-0004"]
    assert judged[4].info["status"] == "unphysical" and "enthalpy" not in judged[4].info


@pytest.mark.parametrize("depth", [5.0, 30.0])
def test_a_fifth_of_ghosts_of_one_composition_do_not_draw_the_fit_to_them(depth) -> None:
    rng = np.random.default_rng(3)
    frames = []
    for index in range(40):
        gold = 9 if index < 8 else int(rng.integers(20))
        frame = bulk("Cu", "fcc", a=4.0).repeat((19, 1, 1))
        frame.symbols[:gold] = "Au"
        enthalpy = -1.0 - 8.0 * gold / 19 + 0.3 * rng.lognormal(0.0, 0.8) - depth * (index < 8)
        frame.info = {"id": f"g000-{index:04d}", "status": "converged", "enthalpy": float(enthalpy)}
        frames.append(frame)
    judged = set_aside_unphysical(frames, VARIABLE)
    assert [index for index, frame in enumerate(judged) if is_unphysical(frame)] == list(range(8))


def test_compounds_bound_strongly_are_no_ghosts() -> None:
    """The hull of an oxide, 3 eV/atom below its elements, as a V over them."""
    frames = over_compositions()
    for index, frame in enumerate(frames):
        frame.info["enthalpy"] = -6.0 * min(index, 19 - index) / 19
    assert not any(map(is_unphysical, set_aside_unphysical(frames, VARIABLE)))


def test_what_is_deep_for_one_formula_is_usual_for_another():
    """Enthalpies per atom of a light and a heavy element differ by more than any ghost is deep."""
    settings = SearchSettings.parse(
        {"composition": {"elements": {"Cu": "0-2", "Au": "0-2"}, "atoms": "1-4"}, "population": 8, "generations": 1}
        | {"seed": 1}
    )
    frames = [bulk("Cu") for _ in range(6)] + [bulk("Au") for _ in range(2)]
    for index, frame in enumerate(frames):
        frame.info.update(id=f"g000-000{index}", status="converged", enthalpy=-9.0 if index > 5 else -1.0)
    assert not any(is_unphysical(frame) for frame in set_aside_unphysical(frames, settings))
