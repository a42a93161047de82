import numpy as np
import pytest
from ase.build import bulk

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.sscha.dynamics import frequencies_gamma, harmonic, lowest_frequency, save, to_structure
from aiida_anhcsp.engine.sscha.hessian import check_memory, free_energy_hessian, verdict

from .conftest import toy
from .toy import bond_frequency, crystal, exact


def test_the_hessian_of_the_toy_is_its_auxiliary_matrix(toy_potential):
    frequency, _ = exact(5.0, 300)
    curvature = (frequency / bond_frequency(1.0)) ** 2
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=curvature, lam=0.0)))
    outcome = free_energy_hessian(phonons, 300, 400, 1, toy_potential, resamples=6)
    assert frequencies_gamma(outcome.phonons)[-1] == pytest.approx(frequency, rel=0.02)
    assert len(outcome.resampled) == 6
    assert verdict(frequencies_gamma(outcome.phonons)[-1], outcome.resampled)["stability"] == "stable"


def test_the_fourth_order_has_no_effect_where_there_is_no_third(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=6.0, lam=0.0)))
    without, with_v4 = (free_energy_hessian(phonons, 0, 100, 1, toy_potential, v4=v4).phonons for v4 in (False, True))
    assert frequencies_gamma(with_v4) == pytest.approx(frequencies_gamma(without), rel=0.01, abs=1e-6)


@pytest.mark.parametrize(
    ("lowest", "spread", "stability"),
    [
        (100.0, 1000.0, "stable"),
        (-100.0, 1000.0, "unstable"),
        (50.0, 2000.0, "undecided"),
        (-50.0, 2000.0, "undecided"),
        (0.0, 0.0, "undecided"),
        (0.0, 100.0, "undecided"),
        (-0.5, 0.0, "undecided"),
        (3.0, 0.0, "stable"),
    ],
)
def test_the_verdict_knows_its_noise(lowest, spread, stability):
    resampled = np.sign(lowest) * lowest**2 + spread * np.array([-1, 1] * 10)
    assert verdict(lowest, resampled)["stability"] == stability


def test_translations_are_no_evidence(toy_potential):
    """Of six modes at Gamma three are translations: what they come to, in no resampling, is never the lowest."""
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=6.0, lam=0.0)))
    outcome = free_energy_hessian(phonons, 0, 40, 1, toy_potential, resamples=5)
    optical = frequencies_gamma(outcome.phonons)[3]
    assert frequencies_gamma(outcome.phonons)[:3] == [0, 0, 0]
    assert lowest_frequency(outcome.phonons) == pytest.approx(optical)
    assert np.all(outcome.resampled > 0.5 * optical**2)


def test_an_optical_mode_of_zero_frequency_decides_nothing(toy_potential):
    phonons = harmonic(to_structure(crystal()), (1, 1, 1), load_potential(toy(k=0.0, lam=0.0)))
    lowest = lowest_frequency(phonons)
    assert abs(lowest) < 1
    assert verdict(lowest, np.zeros(20))["stability"] == "undecided"


def test_the_bootstrap_s_spread_is_that_of_independent_ensembles(emt):
    """Of a crystal whose atoms are no centres of inversion: there the third order has something to be noisy about."""
    phonons = harmonic(to_structure(bulk("Cu", "hcp", a=2.55, c=4.17)), (1, 1, 1), emt)
    fresh = [free_energy_hessian(phonons, 300, 400, seed, emt).phonons for seed in range(12)]
    spread = np.std([lowest_frequency(hessian) ** 2 for hessian in fresh], ddof=1)
    assert spread > 100
    resampled = [free_energy_hessian(phonons, 300, 400, seed, emt, resamples=30).resampled for seed in range(96, 100)]
    assert 0.4 < np.median(np.std(resampled, axis=1, ddof=1)) / spread < 2.5


def test_a_single_atom_has_nothing_to_judge_by():
    with pytest.raises(InputError, match="no vibrations"):
        verdict(np.inf, np.array([]))


def test_without_resampling_nothing_is_said_on_the_noise():
    assert "stability" not in verdict(100.0, np.array([]))


def test_too_little_memory_for_the_order_asked_for_is_told():
    check_memory(4, 10**9, v4=True)
    check_memory(32, 10**9, v4=False)
    with pytest.raises(InputError, match=r"--v4: 32 atoms need 1.4 GB and 1.0 GB are available; leave it out"):
        check_memory(32, 10**9, v4=True)
    with pytest.raises(InputError, match=r"SSCHA_OUTDIR: 256 atoms need 7.2 GB and 1.0 GB are available; use"):
        check_memory(256, 10**9, v4=False)


def test_the_command_refuses_a_fourth_order_that_no_machine_has_the_memory_for(toy_potential, tmp_path, capfd):
    save(harmonic(to_structure(crystal()), (5, 5, 5), toy_potential), tmp_path / "sscha", 300)
    arguments = ["hessian", str(tmp_path / "sscha"), str(tmp_path / "out"), "--potential", toy(), "--seed", "1", "--v4"]
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "--v4: 250 atoms need 5062.5 GB and" in capfd.readouterr().err
    assert not (tmp_path / "out/result.json").exists()
