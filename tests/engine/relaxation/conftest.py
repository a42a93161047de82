"""A small potential and small starts, cheap enough for many relaxations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_anhcsp.engine.potentials.base import Evaluation, Potential


class EmtPotential(Potential):
    """ASE's effective medium theory; counts evaluations and remembers how many atoms each call had."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        self.calls.append(sum(len(frame) for frame in frames))
        return [self.one(frame) for frame in frames]

    def one(self, frame: Atoms) -> Evaluation:
        atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True, calculator=EMT())
        return Evaluation(
            "ok", energy=atoms.get_potential_energy(), forces=atoms.get_forces(), stress=atoms.get_stress()
        )


def alloy(formula: str, seed: int, repeat: tuple[int, int, int] = (1, 1, 1)) -> Atoms:
    """A fcc cell of four atoms, occupied as ``formula`` has it, strained by about 5 % and rattled by 0.1 angstrom."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Cu", "fcc", a=3.9, cubic=True)
    atoms.symbols = Atoms(formula).symbols
    atoms *= repeat
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.05 * rng.normal(size=(3, 3))), scale_atoms=True)
    atoms.positions += 0.1 * rng.normal(size=atoms.positions.shape)
    atoms.info = {"id": f"g000-{seed:04d}", "operator": "random"}
    return atoms


@pytest.fixture
def emt() -> EmtPotential:
    return EmtPotential()


@pytest.fixture
def alloys() -> list[Atoms]:
    formulas = ["Cu4", "Au4", "Cu2Au2", "Cu3Au", "Ag2Pd2", "Ni3Al"]
    return [alloy(formula, seed) for seed, formula in enumerate(formulas)]
