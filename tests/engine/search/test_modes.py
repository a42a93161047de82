from __future__ import annotations

import logging

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.potentials.base import Evaluation
from aiida_anhcsp.engine.relaxation.hessian import enthalpy_hessian
from aiida_anhcsp.engine.search.modes import MOST_ATOMS, PotentialModes, modes_of, spring_modes


class Counting:
    """A potential that notes how many frames each call had."""

    elements = cutoff = None

    def __init__(self, refuses: bool = False) -> None:
        self.potential, self.calls = load_potential("ase:ase.calculators.emt:EMT"), []
        self.refuses = refuses

    def evaluate(self, frames):
        self.calls.append(len(frames))
        evaluations = self.potential.evaluate(frames)
        return [*evaluations[:-1], Evaluation("failed", "no license")] if self.refuses else evaluations


@pytest.fixture
def parent() -> Atoms:
    atoms = bulk("Cu", "fcc", a=3.85, cubic=True)
    atoms.symbols[:2] = "Au"
    atoms.info["id"] = "g000-0000"
    return atoms


@pytest.fixture
def skewed(parent: Atoms) -> Atoms:
    """No two modes of it are alike."""
    parent.rattle(0.1, seed=3)
    parent.set_cell(parent.cell.array @ [[1.02, 0.03, 0.0], [0.0, 0.97, 0.05], [0.02, 0.0, 1.0]], scale_atoms=True)
    return parent


@pytest.fixture(params=["springs", "potential"])
def modes(request: pytest.FixtureRequest):
    return spring_modes if request.param == "springs" else PotentialModes(Counting(), 0.0)


def test_rigid_motions_are_no_modes(parent, modes):
    """No mode that is left moves all atoms alike or merely turns the crystal."""
    for mode in modes(parent):
        atoms, strain = mode[:-3], mode[-3:]
        moved = np.abs(atoms - atoms.mean(axis=0)).max() + np.abs(strain + strain.T).max()
        assert moved > 1e-3 * np.abs(mode).max()


def test_there_are_as_many_modes_as_degrees_of_freedom(parent, modes):
    assert modes(parent).shape == (3 * 4 + 9 - 6, 7, 3)


def curvature(mode: np.ndarray, frame: Atoms) -> float:
    """Second difference of the EMT energy along a mode, over its mass-weighted square."""
    potential, step = Counting().potential, 0.01 / np.abs(mode).max()
    moved = []
    for sign in (1, 0, -1):
        # to second order what the exponential of the strain is
        strain = sign * step * mode[-3:]
        deformation = np.eye(3) + strain + strain @ strain / 2
        copy = Atoms(frame.numbers, (frame.positions + sign * step * mode[:-3]) @ deformation, pbc=True)
        copy.cell = frame.cell.array @ deformation
        moved.append(copy)
    above, here, below = (evaluation.energy for evaluation in potential.evaluate(moved))
    masses = np.append(frame.get_masses(), [frame.get_masses().mean()] * 3)
    coordinates = mode.copy()
    coordinates[-3:] *= len(frame) * np.cbrt(frame.get_volume() / len(frame))
    return (above - 2 * here + below) / step**2 / (masses[:, None] * coordinates**2).sum()


def test_the_energy_curves_least_along_the_softest_mode(skewed):
    curvatures = [curvature(mode, skewed) for mode in PotentialModes(Counting(), 0.0)(skewed)]
    np.testing.assert_allclose(curvatures, sorted(curvatures), atol=2e-3 * max(curvatures))


def test_modes_do_not_depend_on_the_order_of_the_atoms(skewed):
    order = [2, 0, 3, 1]
    shuffled = skewed[order]
    ours, theirs = PotentialModes(Counting(), 0.0)(skewed), PotentialModes(Counting(), 0.0)(shuffled)
    for one, other in zip(ours[:, [*order, 4, 5, 6]], theirs, strict=True):
        overlap = (one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other)
        assert abs(overlap) == pytest.approx(1.0, abs=1e-6)


def test_an_unstable_crystal_falls_along_its_softest_mode():
    """Body-centred copper shears towards the face-centred one."""
    atoms = bulk("Cu", "bcc", a=2.88, cubic=True)
    hessian = enthalpy_hessian(atoms, Counting(), 0.0, 1.0)
    softest = modes_of(hessian, atoms, 1.0)[0].ravel()
    assert softest @ hessian @ softest < -1e-3 * np.abs(hessian).max() * (softest @ softest)


def test_each_parent_is_evaluated_once(parent):
    potential = Counting()
    modes = PotentialModes(potential, 0.0)
    np.testing.assert_array_equal(modes(parent), modes(parent.copy()))
    assert potential.calls == [6 * 4 + 12]


@pytest.mark.parametrize("reason", ["evaluation", "size"])
def test_where_the_potential_tells_no_modes_they_are_those_of_springs(parent, reason, caplog):
    caplog.set_level(logging.INFO)
    if reason == "size":
        parent = parent * (3, 3, 1)
    potential = Counting(refuses=True)
    np.testing.assert_array_equal(PotentialModes(potential, 0.0)(parent), spring_modes(parent))
    told = {"size": f"as it has 36 atoms, over {MOST_ATOMS}", "evaluation": "failed: no license"}
    assert f"soft modes of g000-0000: of springs, as {'it' if reason == 'size' else '1 of 36'}" in caplog.text
    assert told[reason] in caplog.text
    assert len(potential.calls) == (reason == "evaluation")
