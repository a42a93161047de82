import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.units import GPa

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.dynamics import harmonic, raise_floor, to_structure
from aiida_anhcsp.engine.sscha.ensemble import draw, evaluate, measure
from aiida_anhcsp.engine.sscha.reports import Estimate

from .conftest import toy
from .copper_gold import copper_gold
from .toy import crystal, harmonic_free_energy


def test_labels_equal_those_of_python_sscha_with_an_ase_calculator(emt):
    phonons = harmonic(to_structure(copper_gold()), (1, 1, 1), emt)
    raise_floor(phonons, 0.05)
    ours, theirs = (draw(phonons, 300, 4, (1,), paired=True) for _ in range(2))
    evaluate(ours, emt, reference=0.0)
    theirs.compute_ensemble(EMT(), compute_stress=True, verbose=False)
    assert np.allclose(ours.energies, theirs.energies, rtol=1e-7)
    assert np.allclose(ours.forces, theirs.forces, rtol=1e-7, atol=1e-9)
    assert np.allclose(ours.stresses, theirs.stresses, rtol=1e-7, atol=1e-12)


def test_the_same_seed_draws_the_same_ensemble(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), toy_potential)
    first, second, other = (draw(phonons, 0, 10, (seed,), paired=True).xats for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.allclose(first, other)


@pytest.mark.parametrize("temperature", [0, 300])
def test_a_harmonic_crystal_has_the_exact_free_energy_without_noise(temperature):
    potential = load_potential(toy(lam=0.0))
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), potential)
    ensemble = draw(phonons, temperature, 10, (1,), paired=False)
    evaluate(ensemble, potential, reference=0.0)
    measurement = measure(ensemble, 0.0, paired=False)
    assert measurement.free_energy.value == pytest.approx(harmonic_free_energy(5.0, temperature), rel=1e-5)
    assert measurement.free_energy.error < 1e-8


def test_the_reference_energy_comes_back(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), toy_potential)
    values = []
    for reference in (0.0, -1e4):
        ensemble = draw(phonons, 0, 10, (1,), paired=False)
        evaluate(ensemble, toy_potential, reference)
        values.append(measure(ensemble, reference, paired=False).free_energy.value)
    assert values[0] == pytest.approx(values[1], abs=1e-7)


def test_the_pressure_is_the_trace_of_python_sscha_s_stress(emt):
    phonons = harmonic(to_structure(copper_gold()), (1, 1, 1), emt)
    raise_floor(phonons, 0.05)
    ensemble = draw(phonons, 300, 20, (1,), paired=True)
    evaluate(ensemble, emt, reference=0.0)
    stress, _ = ensemble.get_stress_tensor()
    in_gpa = stress * 14710.513242194795
    measurement = measure(ensemble, 0.0, paired=True)
    assert measurement.pressure.value == pytest.approx(np.trace(in_gpa) / 3, rel=1e-6)
    assert np.trace(measurement.stress) / 3 == pytest.approx(-measurement.pressure.value, rel=1e-9)
    symmetric = np.diag(np.full(3, np.trace(in_gpa) / 3))
    assert np.allclose(in_gpa, symmetric, atol=0.05), "python-sscha's is symmetrised: the crystal is cubic"
    assert np.allclose(np.diag(measurement.stress), -np.diag(in_gpa), atol=2.0), "ours is not, and noisy"


def test_a_pair_counts_once_in_the_error():
    values = np.random.default_rng(1).normal(size=50)
    doubled = np.repeat(values, 2)
    assert Estimate.of(doubled).error < 0.75 * Estimate.of(values).error
    assert Estimate.of(values).error == pytest.approx(values.std(ddof=1) / np.sqrt(50))


def test_gibbs_free_energy_is_per_atom_at_the_target_pressure(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), toy_potential)
    ensemble = draw(phonons, 0, 10, (1,), paired=True)
    evaluate(ensemble, toy_potential, 0.0)
    measurement = measure(ensemble, 0.0, paired=True)
    gibbs = measurement.gibbs_free_energy(10.0)
    assert gibbs.value == pytest.approx((measurement.free_energy.value + 10 * GPa * 27.0) / 2)
