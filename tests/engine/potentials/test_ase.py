"""ASE calculators as potentials."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.potentials import load_potential


def test_emt_says_what_ase_says():
    frame = bulk("Cu", cubic=True)
    frame.rattle(0.1, seed=1)
    (evaluation,) = load_potential("ase:ase.calculators.emt:EMT").evaluate([frame])
    frame.calc = EMT()
    assert evaluation.energy == frame.get_potential_energy()
    assert np.array_equal(evaluation.forces, frame.get_forces())
    assert np.array_equal(evaluation.stress, frame.get_stress())


def test_left_handed_cell_has_the_same_stress():
    frame = bulk("Cu", cubic=True)
    frame.rattle(0.1, seed=1)
    mirrored = Atoms(frame.symbols, positions=frame.positions, cell=-frame.cell.array, pbc=True)
    right, left = load_potential("ase:ase.calculators.emt:EMT").evaluate([frame, mirrored])
    assert np.allclose(left.stress, right.stress, atol=1e-12)
    assert left.energy == pytest.approx(right.energy, abs=1e-12)


def test_what_a_calculator_raises_is_the_reason_of_that_frame_alone():
    good, bad = bulk("Cu"), bulk("Xe", "fcc", a=6.0)
    evaluations = load_potential("ase:ase.calculators.emt:EMT").evaluate([bad, good])
    assert [evaluation.status for evaluation in evaluations] == ["failed", "ok"]
    assert "No EMT-potential for Xe" in evaluations[0].reason
    assert evaluations[0].energy is None


def test_json_arguments_reach_the_calculator():
    specification = 'ase:ase.calculators.lj:LennardJones:{"epsilon": 2.0, "sigma": 2.5, "rc": 6.0}'
    argon = bulk("Ar", "fcc", a=4.0)
    (evaluation,) = load_potential(specification).evaluate([argon])
    (reference,) = load_potential(specification.replace("2.0", "1.0")).evaluate([argon])
    assert evaluation.energy == pytest.approx(2 * reference.energy)


def test_chgnet_computes_with_its_bundled_weights():
    potential = load_potential('ase:chgnet.model.dynamics:CHGNetCalculator:{"use_device": "cpu"}')
    salt = bulk("NaCl", "rocksalt", a=5.64)
    salt.positions[0] += [0.1, 0.0, 0.0]
    (evaluation,) = potential.evaluate([salt])
    assert evaluation.status == "ok"
    assert -4.0 < evaluation.energy / len(salt) < -3.0  # PBE of the Materials Project: -3.4 eV/atom
    assert evaluation.forces[0, 0] < -0.01  # back to its site
    assert np.allclose(evaluation.forces.sum(axis=0), 0.0, atol=1e-4)


@pytest.mark.parametrize(
    "specification",
    [
        "ase:no.such.module:Calculator",
        "ase:ase.calculators.emt:Emt",
        'ase:ase.calculators.tip3p:TIP3P:{"a": 1}',
        "ase:os:getcwd",
    ],
)
def test_what_is_no_calculator_is_bad_input(specification):
    with pytest.raises(InputError, match=r"^--potential: "):
        load_potential(specification)
