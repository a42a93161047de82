"""Structures with the free energy that SSCHA gave them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import through_text
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.search.loop import Generation, search, should_continue, summary
from aiida_anhcsp.engine.search.quantum import (
    at_common_density,
    followed_by,
    sharing,
    with_free_energy,
    without_free_energy,
)
from aiida_anhcsp.engine.search.rank import lowest, rank
from aiida_anhcsp.engine.search.settings import DuplicateRule, SearchSettings
from aiida_anhcsp.engine.search.vary import vary

KEYS = {"formula": "Cu", "formula_units": "1-4", "population": 4, "generations": 9, "seed": 1, "fitness": "gibbs"}
SETTINGS = SearchSettings.parse(KEYS)


def relaxed(identity: str, enthalpy: float, a: float = 3.6) -> Atoms:
    frame = bulk("Cu", a=a, cubic=True)
    frame.info = {"id": identity, "generation": int(identity[1:4]), "status": "converged", "spacegroup": "Fm-3m"}
    frame.info |= {"enthalpy": enthalpy, "operator": "random", "pressure": 0.0}
    return frame


def result(gibbs: float, error: float = 0.0, converged: bool = True) -> dict[str, Any]:
    keys: dict[str, Any] = {"gibbs_free_energy": gibbs, "gibbs_free_energy_error": error, "converged": converged}
    if not converged:
        keys["reason"] = "the pressure is 3 GPa off"
    return {**keys, "temperature": 300.0, "spacegroup_final": "Im-3m"}


def quantum(identity: str, enthalpy: float, gibbs: float, error: float = 0.0, a: float = 3.6, **more: Any) -> Atoms:
    return with_free_energy(relaxed(identity, enthalpy, a), result(gibbs, error, **more), bulk("Cu", a=a))


def test_the_free_energy_ranks_and_not_the_enthalpy() -> None:
    frames = [quantum("g000-0000", 0.1, 0.4), quantum("g000-0001", 0.2, 0.3, a=3.9)]
    ranked = rank(frames, SETTINGS)
    assert [frame.info["rank"] for frame in ranked] == [2, 1]
    assert [frame.info["fitness"] for frame in ranked] == [0.4, 0.3]


def test_supercells_of_any_size_are_ranked_at_one_density_of_q_points() -> None:
    frames = []
    for index, (gibbs, shift) in enumerate([(0.30, 0.03), (0.31, 0.01)]):
        copper = bulk("Cu", a=3.5 + index)
        size = {"n_atoms": 2, "finite_size": {"shift": 2 * shift, "shift_error": abs(shift)}}
        carried = at_common_density({**result(gibbs, 0.003), **size})
        frames.append(with_free_energy(relaxed(f"g000-000{index}", 0.1), carried, copper))
    assert [frame.info["id"] for frame in lowest(rank(frames, SETTINGS), 2)] == ["g000-0001", "g000-0000"]
    assert frames[1].info["gibbs_free_energy"] == pytest.approx(0.32)
    assert frames[1].info["gibbs_free_energy_error"] == pytest.approx(np.hypot(0.003, 0.005))
    assert (frames[1].info["finite_size_shift"], frames[1].info["finite_size_error"]) == (0.01, 0.005)
    shared = sharing(relaxed("g001-0000", 0.1), frames[1])
    assert shared.info["finite_size_shift"] == 0.01


def test_a_free_energy_without_a_shift_says_so() -> None:
    carried = at_common_density(result(0.3))
    assert carried["gibbs_free_energy"] == 0.3
    frame = with_free_energy(relaxed("g000-0000", 0.1), carried, bulk("Cu"))
    assert "no audit told the shift" in frame.info["unmatched"]


def test_with_errors_of_zero_the_order_is_that_of_the_free_energies() -> None:
    values = [0.31, 0.05, 0.22, 0.17]
    frames = [quantum(f"g000-000{i}", 0.0, value, a=3.3 + 0.2 * i) for i, value in enumerate(values)]
    order = [int(frame.info["id"][-1]) for frame in lowest(rank(frames, SETTINGS))]
    assert order == list(np.argsort(values))


def test_what_failed_or_was_given_up_has_no_rank_and_keeps_its_reason() -> None:
    failed = without_free_energy(relaxed("g000-0000", 0.1), "failed", "the weights died")
    given_up = without_free_energy(relaxed("g000-0001", 0.2, 3.7), "given_up", "cannot come below")
    ranked = through_text(rank([failed, given_up, quantum("g000-0002", 0.3, 0.9, a=3.9)], SETTINGS))
    assert [frame.info.get("rank") for frame in ranked] == [None, None, 1]
    assert [frame.info["reason"] for frame in ranked[:2]] == ["the weights died", "cannot come below"]


def test_an_unconverged_free_energy_is_ranked_as_the_upper_bound_it_is() -> None:
    frames = [quantum("g000-0000", 0.1, 0.4), quantum("g000-0001", 0.2, 0.3, a=3.9, converged=False)]
    ranked = rank(frames, SETTINGS)
    assert ranked[1].info["rank"] == 1
    assert ranked[1].info["sscha"] == "upper_bound"
    assert "3 GPa" in ranked[1].info["reason"]


@pytest.mark.parametrize(("error", "same"), [(0.0, False), (0.002, True)])
def test_two_runs_of_one_structure_may_differ_by_three_errors(error: float, same: bool) -> None:
    """The rule allows 3 meV/atom, three errors of the difference 8.5 meV/atom more: 11 in all."""
    frames = [quantum("g000-0000", 0.1, 0.300, error), quantum("g000-0001", 0.1, 0.310, error)]
    assert ("duplicate_of" in rank(frames, SETTINGS)[1].info) is same
    backwards = rank(frames[::-1], SETTINGS)
    assert ("duplicate_of" in backwards[0].info) is same


def test_phases_that_differ_at_rest_and_merge_are_duplicates() -> None:
    frames = [quantum("g000-0000", 0.10, 0.3), quantum("g000-0001", 0.15, 0.301)]
    assert rank(frames, SETTINGS)[1].info["duplicate_of"] == "g000-0000"


def test_only_the_lowest_of_a_kind_at_rest_goes_through_sscha() -> None:
    latest = [relaxed("g001-0000", 0.101), relaxed("g001-0001", 0.100), relaxed("g001-0002", 0.3, 3.9)]
    assert followed_by(latest, [], DuplicateRule()) == {
        "g001-0000": "g001-0001",
        "g001-0001": None,
        "g001-0002": None,
    }


def test_a_kind_that_an_earlier_generation_had_is_not_computed_again() -> None:
    """Not even if the new one is the lowest of its kind."""
    latest = [relaxed("g001-0000", 0.099), relaxed("g001-0001", 0.3, 3.9)]
    assert followed_by(latest, [relaxed("g000-0003", 0.100)], DuplicateRule()) == {
        "g001-0000": "g000-0003",
        "g001-0001": None,
    }


def test_what_could_not_be_relaxed_is_not_taken_through_sscha() -> None:
    broken = relaxed("g001-0000", 0.1)
    broken.info["status"] = "exploded"
    assert followed_by([broken], [], DuplicateRule()) == {}


def test_a_shared_free_energy_names_whose_it_is() -> None:
    shared = sharing(relaxed("g001-0000", 0.099), quantum("g000-0003", 0.1, 0.3, 0.001))
    assert shared.info["id"] == "g001-0000"
    assert shared.info["enthalpy"] == 0.099
    assert shared.info["gibbs_free_energy"] == 0.3
    assert shared.info["free_energy_of"] == "g000-0003"


def test_a_shared_failure_is_a_failure() -> None:
    failed = without_free_energy(relaxed("g000-0003", 0.1), "failed", "the weights died")
    shared = sharing(relaxed("g001-0000", 0.099), failed)
    assert "gibbs_free_energy" not in shared.info
    assert shared.info["sscha"] == "failed"
    assert shared.info["reason"] == "the weights died"


def test_children_of_structures_with_a_free_energy_obey_the_composition() -> None:
    frames = [quantum(f"g000-000{i}", 0.1 * i, 0.1 * i, a=3.4 + 0.2 * i) for i in range(4)]
    children = vary(through_text(rank(frames, SETTINGS)), SETTINGS, 1)
    assert {len(child) for child in children} <= {1, 2, 3, 4}
    assert any("parents" in child.info for child in children)


def test_the_search_ends_when_the_free_energy_no_longer_falls() -> None:
    settings = SearchSettings.parse({**KEYS, "stop": {"generations_without_better": 2}})

    def row(generation: int, enthalpy: float, gibbs: float) -> Generation:
        return Generation(generation, 4, 0, 4, enthalpy, "g", "P1", 4, lowest_fitness=gibbs)

    falling = [row(0, -1.0, 0.5), row(1, -2.0, 0.4), row(2, -3.0, 0.4)]
    assert should_continue(settings, falling)
    assert not should_continue(settings, [*falling, row(3, -4.0, 0.4)])
    assert should_continue(settings, [*falling, row(3, -4.0, 0.39)])


def test_a_generation_without_any_free_energy_counts_as_failed() -> None:
    failed = without_free_energy(relaxed("g000-0000", 0.1), "failed", "the weights died")
    row = summary(rank([failed], SETTINGS), 0, SETTINGS)
    assert (row.relaxed, row.failed) == (0, 1)
    assert not should_continue(SETTINGS, [row, row, row])


def test_the_engine_s_search_refuses_what_needs_a_job_for_every_stage(tmp_path: Any) -> None:
    with pytest.raises(InputError, match=r"^fitness: .*launch search"):
        search(SETTINGS, load_potential("ase:ase.calculators.emt:EMT"), tmp_path)
