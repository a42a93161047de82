"""A relaxation that keeps the symmetry of its start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.spacegroup import crystal

from aiida_anhcsp.engine.potentials.base import Evaluation
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.relaxation.symmetry import symmetry_of

from .conftest import EmtPotential


def rutile() -> Atoms:
    """P4_2/mnm with a free parameter, in a skewed setting."""
    frame = crystal(["Cu", "Au"], [(0, 0, 0), (0.31, 0.31, 0)], spacegroup=136, cellpar=[5.6, 5.6, 3.6, 90, 90, 90])
    frame.set_cell(np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1]]) @ frame.cell.array)
    return frame


class NoisyEmt(EmtPotential):
    """Labels with random errors, as a model in single precision has, only larger."""

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        rng = np.random.default_rng(1)
        evaluations = []
        for exact in super().evaluate(frames):
            assert exact.forces is not None and exact.stress is not None
            forces = exact.forces + 1e-3 * rng.normal(size=exact.forces.shape)
            stress = exact.stress + 1e-5 * rng.normal(size=6)
            evaluations.append(Evaluation("ok", energy=exact.energy, forces=forces, stress=stress))
        return evaluations


def test_forces_and_stress_of_a_symmetric_structure_are_symmetric_already(emt: EmtPotential) -> None:
    frame = rutile()
    exact, symmetry = emt.one(frame), symmetry_of(frame)
    assert len(symmetry.rotations) == 16
    assert exact.forces is not None and exact.stress is not None
    np.testing.assert_allclose(symmetry.forces(exact.forces), exact.forces, atol=1e-10)
    np.testing.assert_allclose(symmetry.stress(exact.stress), exact.stress, atol=1e-12)


@pytest.mark.parametrize("method", ["lbfgs", "fire"])
def test_the_space_group_survives_noise(method: str) -> None:
    settings = RelaxSettings(keep_symmetry=True, method=method, fmax=0.02)  # type: ignore[arg-type]
    [relaxed] = relax([rutile()], NoisyEmt(), 5.0, settings)
    assert relaxed.info["status"] == "converged"
    cell = (relaxed.cell.array, relaxed.get_scaled_positions(), relaxed.numbers)
    assert spglib.get_symmetry_dataset(cell, symprec=1e-4).number == 136
