from __future__ import annotations

import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.search.near_hull import near_hull
from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings

SETTINGS = SearchSettings.parse(
    {"composition": {"elements": {"Cu": "0-2", "Au": "0-2"}, "atoms": "1-4"}, "population": 9, "generations": 1}
    | {"seed": 1}
)


@pytest.fixture
def ranked() -> list[Atoms]:
    """Two structures of each element, three of CuAu (eV/atom above the hull: 0, 0.02, 0.04) and one of Cu3Au (0.1)."""
    kinds = [("Cu4", -1.0), ("Cu4", -0.9), ("Au4", -2.0), ("Au4", -1.97)]
    kinds += [("Cu2Au2", -1.7), ("Cu2Au2", -1.68), ("Cu2Au2", -1.66), ("Cu3Au", -1.25)]
    frames = []
    for index, (formula, enthalpy) in enumerate(kinds):
        atoms = bulk("Cu", "fcc", a=3.6 + 0.2 * index, cubic=True)
        atoms.symbols = formula
        atoms.info = {"id": f"g000-{index:04d}", "status": "converged", "enthalpy": enthalpy, "generation": 0}
        frames.append(atoms)
    return rank(frames, SETTINGS)


def test_the_lowest_of_each_composition_near_the_hull_with_the_elements(ranked: list[Atoms]) -> None:
    formulas = [frame.get_chemical_formula() for frame in near_hull(ranked, 2)]
    assert sorted(formulas) == ["Au2Cu2", "Au2Cu2", "Au4", "Au4", "Cu4"]
    assert set(formulas[:3]) == {"Au4", "Cu4"}
    assert sorted(frame.info["enthalpy"] for frame in near_hull(ranked, 1)) == [-2.0, -1.7, -1.0]


def test_a_wider_window_lets_more_compositions_in(ranked: list[Atoms]) -> None:
    assert "AuCu3" in [frame.get_chemical_formula() for frame in near_hull(ranked, 1, window=0.11)]


def test_without_a_hull_there_is_nothing_near_it(ranked: list[Atoms]) -> None:
    assert near_hull(rank([frame for frame in ranked if "Au" in frame.symbols], SETTINGS), 2) == []
