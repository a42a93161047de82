import numpy as np
import pytest

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.dynamics import harmonic, to_structure
from aiida_anhcsp.engine.sscha.ensemble import draw, evaluate, measure
from aiida_anhcsp.engine.sscha.reports import AuditOutcome, Estimate, Measurement, jump
from aiida_anhcsp.engine.sscha.settings import SschaSettings, parse_stages

from .conftest import toy
from .toy import crystal, functional

SEEDS = 80


def test_the_reported_error_is_the_true_one_over_many_seeds(toy_potential):
    model = load_potential(toy(k=7.0, lam=0.0))
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), model)
    found = []
    for seed in range(SEEDS):
        ensemble = draw(phonons, 300, 60, (seed,), paired=False)
        evaluate(ensemble, toy_potential, 0.0)
        found.append(measure(ensemble, 0.0, paired=False).free_energy)
    deviations = [(estimate.value - functional(7.0, 5.0, 300)) / estimate.error for estimate in found]
    assert abs(np.mean(deviations)) < 4 / np.sqrt(SEEDS)
    assert np.std(deviations) == pytest.approx(1, abs=0.3)


def outcome(pressure: Estimate, force: Estimate, error: float = 0.0) -> AuditOutcome:
    measurement = Measurement(
        Estimate(0.0, error), pressure, -pressure.value * np.eye(3), volume=10.0, n_atoms=1, kong_liu_ratio=1.0
    )
    return AuditOutcome(measurement, force, n_evaluations=1)


@pytest.mark.parametrize(
    ("pressure", "force", "complaint"),
    [
        (Estimate(100.3, 0.1), Estimate(0.01, 0.01), ""),
        (Estimate(101.0, 0.1), Estimate(0.01, 0.01), "101.00 +- 0.10 GPa instead of 100.0 GPa"),
        (Estimate(100.0, 0.1), Estimate(0.1, 0.01), "a force of 0.100"),
    ],
)
def test_a_point_away_from_the_minimum_is_told(pressure, force, complaint):
    settings = SschaSettings(pressure=100.0, temperature=0, stages=parse_stages("1x1x1:10"), seed=1)
    said = outcome(pressure, force).at_rest(settings)
    assert complaint in said
    assert bool(said) == bool(complaint)


def test_a_pressure_that_costs_less_than_the_error_is_at_rest():
    """10 cubic angstrom, 1 GPa away at 100 GPa: at most 10 / 2 / 100 GPa angstrom^3, 0.3 meV."""
    settings = SschaSettings(pressure=100.0, temperature=0, stages=parse_stages("1x1x1:10"), seed=1)
    away, still = Estimate(101.0, 0.1), Estimate(0.0, 0.01)
    assert outcome(away, still).gain_of_relaxing(100.0) == pytest.approx(0.000312, rel=1e-2)
    assert not outcome(away, still, error=0.0004).at_rest(settings)
    assert outcome(away, still, error=0.0002).at_rest(settings)


@pytest.mark.parametrize(
    ("stage", "audit", "contradicts"),
    [
        (Estimate(0.9652, 0.0003), Estimate(0.9666, 0.0005), False),
        (Estimate(1.248, 0.005), Estimate(1.540, 0.066), True),
        (Estimate(1.540, 0.066), Estimate(1.248, 0.005), True),
        (Estimate(1.0, 0.0), Estimate(1.0009, 0.0), False),
    ],
)
def test_an_audit_contradicts_a_stage_that_its_errors_do_not_reach(stage, audit, contradicts):
    documents = [{"gibbs_free_energy": each.value, "gibbs_free_energy_error": each.error} for each in (stage, audit)]
    assert bool(jump(*documents)) == contradicts
