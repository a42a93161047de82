import numpy as np
import pytest

from aiida_anhcsp.engine.phase_diagram import Curve, fit_difference, transitions

PRESSURES = np.array([60.0, 80.0, 100.0, 120.0, 140.0])


def curve(zero: float, volume: float, error: float = 0.0, pressures: np.ndarray = PRESSURES, noise: int = 0) -> Curve:
    """G = zero + volume P - P^2/2 stiffness, eV/atom; the volume in eV/atom/GPa."""
    values = zero + volume * pressures - 1e-5 * pressures**2
    if noise:
        values = values + np.random.default_rng(noise).normal(0, error, len(pressures))
    return Curve(pressures, values, np.full(len(pressures), error))


def test_two_phases_meet_where_their_free_energies_are_equal():
    (transition,) = transitions({"open": curve(0.0, 0.040), "dense": curve(0.35, 0.0365)})
    assert (transition.lower, transition.upper) == ("open", "dense")
    assert transition.pressure == pytest.approx(100.0)
    assert transition.error < 1e-3


def test_the_error_is_that_of_the_difference_over_that_of_the_volumes():
    found = [
        transitions(
            {"open": curve(0.0, 0.04, 1e-3, noise=seed + 1), "dense": curve(0.35, 0.0365, 1e-3, noise=-~seed * 997)}
        )
        for seed in range(200)
    ]
    pressures = [entry[0].pressure for entry in found]
    errors = [entry[0].error for entry in found]
    assert np.mean(pressures) == pytest.approx(100.0, abs=0.2)
    assert np.std(pressures) == pytest.approx(np.mean(errors), rel=0.35)


def test_nothing_is_extrapolated():
    assert transitions({"open": curve(0.0, 0.04), "dense": curve(3.5, 0.0365)}) == []


def test_a_phase_above_two_others_takes_no_part():
    curves = {"open": curve(0.0, 0.04), "dense": curve(0.35, 0.0365), "high": curve(0.5, 0.0382)}
    assert len(transitions(curves)) == 1
    through = {**curves, "between": curve(0.14, 0.0382)}
    found = transitions(through)
    assert [(entry.lower, entry.upper) for entry in found] == [("open", "between"), ("between", "dense")]
    assert found[0].pressure < 100 < found[1].pressure


def test_pressures_that_only_one_phase_has_are_left_out():
    short = curve(0.35, 0.0365, pressures=PRESSURES[1:4])
    fit = fit_difference(curve(0.0, 0.04), short)
    assert fit is not None
    assert (fit.lowest, fit.highest) == (80.0, 120.0)
    assert fit_difference(curve(0.0, 0.04), curve(0.3, 0.03, pressures=PRESSURES[:1])) is None


def test_the_order_of_points_does_not_matter():
    shuffled = Curve(PRESSURES[::-1], curve(0.35, 0.0365).values[::-1], np.zeros(5))
    (transition,) = transitions({"open": curve(0.0, 0.04), "dense": shuffled})
    assert transition.pressure == pytest.approx(100.0)
