from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.units import GPa
from ase.vibrations import Vibrations

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.relaxation.hessian import enthalpy_hessian
from aiida_anhcsp.engine.relaxation.strain import exponential

PRESSURE = 20 * GPa
STIFFNESS = 5.0


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    atoms = bulk("Cu", "fcc", a=3.8, cubic=True)
    atoms.symbols[:2] = "Au"
    atoms.rattle(0.08, seed=1)
    atoms.set_cell(atoms.cell.array @ [[1.03, 0.02, 0.0], [0.0, 0.98, 0.04], [0.01, 0.0, 1.0]], scale_atoms=True)
    return atoms


@pytest.fixture(scope="module")
def hessian(crystal: Atoms) -> np.ndarray:
    return enthalpy_hessian(crystal, load_potential("ase:ase.calculators.emt:EMT"), PRESSURE, STIFFNESS)


def enthalpy(crystal: Atoms, displacement: np.ndarray) -> float:
    """E + PV (eV) at a displacement in the Hessian's coordinates, by ASE alone."""
    rows = displacement.reshape(-1, 3)
    strain = (rows[-3:] + rows[-3:].T) / 2 / STIFFNESS
    (deformation,) = exponential(strain[None])
    moved = Atoms(crystal.numbers, (crystal.positions + rows[:-3]) @ deformation, pbc=True, calculator=EMT())
    moved.cell = crystal.cell.array @ deformation
    return moved.get_potential_energy() + PRESSURE * moved.get_volume()


def test_the_block_of_the_atoms_is_that_of_ase(crystal: Atoms, hessian: np.ndarray, tmp_path: Path):
    reference = crystal.copy()
    reference.calc = EMT()
    vibrations = Vibrations(reference, delta=0.02, name=str(tmp_path / "vibrations"))
    vibrations.run()
    expected = vibrations.get_vibrations().get_hessian_2d()
    np.testing.assert_allclose(hessian[:-9, :-9], expected, atol=1e-6 * np.abs(expected).max())


def test_the_enthalpy_curves_as_the_hessian_says(crystal: Atoms, hessian: np.ndarray):
    """Along any direction, strain and displacements together."""
    rng = np.random.default_rng(5)
    for _ in range(6):
        direction = rng.normal(size=len(hessian))
        direction /= np.linalg.norm(direction)
        step = 0.02
        above, here, below = (enthalpy(crystal, sign * step * direction) for sign in (1, 0, -1))
        assert (above - 2 * here + below) / step**2 == pytest.approx(direction @ hessian @ direction, rel=5e-3)


def test_translations_and_rotations_cost_nothing(hessian: np.ndarray):
    largest = np.abs(hessian).max()
    for axis in range(3):
        shift = np.zeros((len(hessian) // 3, 3))
        shift[:-3, axis] = 1.0
        turn = np.zeros_like(shift)
        one, other = (axis + 1) % 3, (axis + 2) % 3
        turn[one - 3, other], turn[other - 3, one] = 1.0, -1.0
        for motion in (shift, turn):
            assert np.abs(hessian @ motion.ravel()).max() < 1e-3 * largest
