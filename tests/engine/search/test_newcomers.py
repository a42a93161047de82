from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.search.composition import Limits, compositions_within, ratio_of
from aiida_anhcsp.engine.search.newcomers import ALONE, NEAR, Newcomers
from aiida_anhcsp.engine.search.select import Parents

CHOICES = compositions_within(Limits({"Cu": "0-8", "Au": "0-8"}, "2-8"))


def structure(formula: str) -> Atoms:
    return Atoms(formula, cell=[9, 9, 9], pbc=True)


def test_every_compound_is_made_once_before_any_is_made_twice() -> None:
    newcomers, rng = Newcomers(CHOICES), np.random.default_rng(1)
    made = dict.fromkeys((choice for choice in CHOICES if len(choice.elements) > 1), 0)
    while min(made.values()) < 2:
        (choice,) = newcomers.choose(None, rng)
        newcomers.count(structure("".join(choice.symbols)))
        if choice in made:
            made[choice] += 1
            assert max(made.values()) - min(made.values()) <= 1
    assert set(made.values()) == {2}


def test_what_the_search_has_made_counts() -> None:
    made = [structure("".join(choice.symbols)) for choice in CHOICES if "".join(choice.symbols) != "CuCuCuAu"]
    newcomers, rng = Newcomers(CHOICES, made), np.random.default_rng(1)
    drawn = [newcomers.choose(None, rng)[0] for _ in range(100)]
    assert {"".join(choice.symbols) for choice in drawn if len(choice.elements) > 1} == {"CuCuCuAu"}


def test_elements_have_their_share_however_many_their_cells() -> None:
    newcomers, rng = Newcomers(CHOICES), np.random.default_rng(1)
    alone = [len(newcomers.choose(None, rng)[0].elements) == 1 for _ in range(2000)]
    assert np.mean(alone) == pytest.approx(ALONE, abs=0.03)


def test_half_have_the_ratio_of_a_parent_in_any_cell() -> None:
    parents = Parents([structure("Cu3Au")], np.ones((1, 1)))
    newcomers, rng = Newcomers(CHOICES), np.random.default_rng(1)
    chosen = [newcomers.choose(parents, rng) for _ in range(2000)]
    near = [cells for cells in chosen if len(cells) > 1]
    assert len(near) / len(chosen) == pytest.approx(NEAR, abs=0.04)
    assert {tuple(cell.n_atoms for cell in cells) for cells in near} == {(4, 8)}
    assert {ratio_of(Atoms(cell.symbols)) for cells in near for cell in cells} == {"AuCu3"}
