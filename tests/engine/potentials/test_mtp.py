"""Moment tensor potentials."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from motep.calculator import MTP
from motep.io.mlip.mtp import read_mtp, write_mtp
from motep.potentials.mtp.data import BasisData, MTPData

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.potentials import load_potential

from .models import random_frame


@pytest.fixture
def mtp(tmp_path) -> Path:
    """A random two-species MTP with a pair moment and the square of a vector moment (three-body)."""
    data = MTPData(
        version="1.1.0",
        potential_name="test",
        scaling=1.0,
        species_count=2,
        radial_basis=BasisData(type="RBChebyshev", min=0.5, max=4.0, size=4),
        radial_funcs_count=1,
        alpha_moments_count=5,
        alpha_index_basic_count=4,
        alpha_index_basic=np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.int32),
        alpha_index_times_count=3,
        alpha_index_times=np.array([[1, 1, 1, 4], [2, 2, 1, 4], [3, 3, 1, 4]], dtype=np.int32),
        alpha_scalar_moments=2,
        alpha_moment_mapping=np.array([0, 4], dtype=np.int32),
    )
    data.initialize(np.random.default_rng(3))
    path = tmp_path / "model.mtp"
    write_mtp(path, data, legacy=True)
    Path(f"{path}.json").write_text(json.dumps({"elements": ["H", "S"]}))
    return path


@pytest.fixture
def frame() -> Atoms:
    return random_frame(np.random.default_rng(5), 6, 5.0)


def test_it_knows_its_species_and_its_range(mtp):
    potential = load_potential(f"mtp:{mtp}")
    assert (potential.elements, potential.cutoff) == (frozenset({"H", "S"}), 4.0)


def test_it_says_what_moteps_own_calculator_says(mtp, frame):
    data = read_mtp(mtp)
    data.species = [1, 16]
    theirs = frame.copy()
    theirs.calc = MTP(data)
    (ours,) = load_potential(f"mtp:{mtp}").evaluate([frame])
    assert ours.energy == pytest.approx(theirs.get_potential_energy(), abs=1e-9)
    assert np.allclose(ours.forces, theirs.get_forces(), atol=1e-9)
    assert np.allclose(ours.stress, theirs.get_stress(), atol=1e-10)


def test_forces_are_the_gradient_of_the_energy(mtp, frame):
    potential = load_potential(f"mtp:{mtp}")
    direction = np.random.default_rng(0).normal(size=(6, 3))
    steps = [frame.copy() for _ in range(3)]
    steps[0].positions -= 1e-5 * direction
    steps[1].positions += 1e-5 * direction
    minus, plus, here = potential.evaluate(steps)
    assert -(here.forces * direction).sum() == pytest.approx((plus.energy - minus.energy) / 2e-5, abs=1e-5)


def test_stress_is_the_strain_derivative_per_volume(mtp, frame):
    potential = load_potential(f"mtp:{mtp}")
    strain = np.array([[1.0, 0.3, -0.2], [0.3, -0.5, 0.4], [-0.2, 0.4, 0.7]])
    steps = []
    for sign in (-1, 1, 0):
        steps.append(frame.copy())
        steps[-1].set_cell(frame.cell.array @ (np.eye(3) + sign * 1e-5 * strain), scale_atoms=True)
    minus, plus, here = potential.evaluate(steps)
    work = (voigt_6_to_full_3x3_stress(here.stress) * strain).sum() * frame.get_volume()
    assert work == pytest.approx((plus.energy - minus.energy) / 2e-5, abs=1e-4)


def test_left_handed_cell_has_the_same_stress(mtp, frame):
    mirrored = Atoms(frame.symbols, positions=frame.positions, cell=-frame.cell.array, pbc=True)
    right, left = load_potential(f"mtp:{mtp}").evaluate([frame, mirrored])
    assert np.allclose(left.stress, right.stress, atol=1e-10)
    assert left.energy == pytest.approx(right.energy, abs=1e-10)


def test_frames_of_any_size_follow_each_other(mtp, frame):
    potential = load_potential(f"mtp:{mtp}")
    (alone,) = potential.evaluate([frame])
    many = potential.evaluate([frame.repeat((2, 1, 1)), frame, Atoms("He", cell=[3, 3, 3], pbc=True), frame])
    assert [evaluation.status for evaluation in many] == ["ok", "ok", "failed", "ok"]
    assert many[0].energy == pytest.approx(2 * alone.energy, abs=1e-9)
    assert many[1].energy == many[3].energy == alone.energy
    assert many[2].reason == "potential does not know He"


def test_an_isolated_atom_has_an_energy_and_no_force(mtp):
    (evaluation,) = load_potential(f"mtp:{mtp}").evaluate([Atoms("H", cell=[12, 12, 12], pbc=True)])
    assert evaluation.status == "ok"
    assert np.array_equal(evaluation.forces, np.zeros((1, 3)))


def test_missing_species_are_bad_input(mtp):
    side = Path(f"{mtp}.json")
    side.unlink()
    with pytest.raises(InputError, match=r"no file .*model.mtp.json; write"):
        load_potential(f"mtp:{mtp}")
    side.write_text('{"elements": ["H"]}')
    with pytest.raises(InputError, match="has 2 species"):
        load_potential(f"mtp:{mtp}")


def test_a_file_that_is_no_mtp_is_bad_input(mtp):
    mtp.write_text("MTP\nspecies_count = many\n")
    with pytest.raises(InputError, match="cannot be read as MTP"):
        load_potential(f"mtp:{mtp}")
