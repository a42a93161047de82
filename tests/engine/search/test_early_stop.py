"""When a free energy is not followed to its end."""

from __future__ import annotations

import pytest

from aiida_anhcsp.engine.search.early_stop import Decrease, StageEnd, is_hopeless, largest_decreases

FALLS = [Decrease(1, True, 0.010, 3), Decrease(1, False, 0.050, 3)]


@pytest.mark.parametrize(("gibbs", "hopeless"), [(1.0399, False), (1.0401, True)])
def test_the_bound_is_g_less_three_errors_less_the_largest_decrease(gibbs: float, hopeless: bool) -> None:
    end = StageEnd(1, True, gibbs, 0.010)
    assert is_hopeless(end, threshold=1.0, decreases=FALLS) is hopeless


@pytest.mark.parametrize(("gibbs", "hopeless"), [(1.0099, False), (1.0101, True)])
def test_without_an_error_only_the_decrease_counts(gibbs: float, hopeless: bool) -> None:
    assert is_hopeless(StageEnd(1, True, gibbs, 0.0), threshold=1.0, decreases=FALLS) is hopeless


def test_an_unconverged_free_energy_is_held_to_what_unconverged_ones_have_lost() -> None:
    assert is_hopeless(StageEnd(1, True, 1.03, 0.0), 1.0, FALLS)
    assert not is_hopeless(StageEnd(1, False, 1.03, 0.0), 1.0, FALLS)
    assert is_hopeless(StageEnd(1, False, 1.06, 0.0), 1.0, FALLS)


def test_where_all_have_converged_an_unconverged_stage_is_given_hope() -> None:
    assert not is_hopeless(StageEnd(1, False, 9.0, 0.0), 1.0, FALLS[:1])


def test_a_stage_that_too_few_have_gone_on_from_says_nothing() -> None:
    end = StageEnd(1, True, 9.0, 0.0)
    assert is_hopeless(end, 1.0, FALLS, seen=3)
    assert not is_hopeless(end, 1.0, FALLS, seen=4)
    assert not is_hopeless(StageEnd(2, True, 9.0, 0.0), 1.0, FALLS)


def test_decreases_are_those_to_the_final_free_energy_by_stage() -> None:
    runs = [
        ([StageEnd(1, False, 1.30, 0.01), StageEnd(1, True, 1.20, 0.01), StageEnd(2, True, 1.11, 0.01)], 1.10),
        ([StageEnd(1, True, 1.25, 0.01), StageEnd(2, True, 1.20, 0.01)], 1.21),
    ]
    falls = {(each.stage, each.converged): (each.largest, each.seen) for each in largest_decreases(runs)}
    assert falls.keys() == {(1, False), (1, True), (2, True)}
    assert falls[1, False] == (pytest.approx(0.20), 1)
    assert falls[1, True] == (pytest.approx(0.10), 2)
    assert falls[2, True] == (pytest.approx(0.01), 2)


def test_free_energies_that_rose_promise_no_rise() -> None:
    """A larger supercell may raise all free energies; that of the next structure need not rise as much."""
    (fall,) = largest_decreases([([StageEnd(1, True, 1.0, 0.0)], 1.2)])
    assert fall.largest == 0.0


def test_no_run_that_would_have_become_the_best_is_given_up() -> None:
    """A structure that loses as much as any before it, and ends below the threshold, is never stopped."""
    runs = [([StageEnd(1, True, 1.0 + fall, 0.0)], 1.0) for fall in (0.02, 0.05, 0.01)]
    falls = largest_decreases(runs)
    for final in (0.90, 0.95, 0.999):
        assert not is_hopeless(StageEnd(1, True, final + 0.05, 0.0), 1.0, falls, seen=3)
