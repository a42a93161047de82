from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.potentials import Evaluation, Potential
from aiida_anhcsp.engine.sscha.qualification import (
    energy_volume,
    force_consistency,
    given_structure,
    harmonic_modes,
    random_structures,
)

from .copper_gold import copper_gold


class Spoilt(Potential):
    """A potential whose answers are spoilt on the way."""

    def __init__(self, potential: Potential, spoil: Callable[[Atoms, Evaluation], Evaluation]) -> None:
        self.potential, self.spoil = potential, spoil

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        answers = self.potential.evaluate(frames)
        return [self.spoil(frame, answer) for frame, answer in zip(frames, answers, strict=True)]


def relaxed(status: str, enthalpy: float = 0.0, scale: float = 1.0) -> Atoms:
    atoms = copper_gold(3.69 * scale)
    atoms.info.update(status=status, enthalpy=enthalpy, spacegroup="Pm-3m", steps=3)
    return atoms


def test_a_sound_potential_passes(emt):
    atoms = copper_gold()
    assert force_consistency(emt, atoms, seed=1).passed
    assert harmonic_modes(emt, atoms).passed


def test_wrong_forces_are_found(emt):
    spoilt = Spoilt(emt, lambda _, answer: replace(answer, forces=1.1 * answer.forces))
    assert "off the energy's slope" in force_consistency(spoilt, copper_gold(), seed=1).reason


def test_a_wrong_stress_is_found(emt):
    spoilt = Spoilt(emt, lambda _, answer: replace(answer, stress=answer.stress - 0.02))
    assert "stress" in force_consistency(spoilt, copper_gold(), seed=1).reason


def test_a_rough_energy_is_found(emt):
    noise = np.random.default_rng(1)
    spoilt = Spoilt(emt, lambda _, answer: replace(answer, energy=answer.energy + noise.normal(0, 0.05)))
    assert "rough" in energy_volume(spoilt, copper_gold()).reason


def test_forces_that_see_the_box_are_found(emt):
    spoilt = Spoilt(emt, lambda frame, answer: replace(answer, forces=answer.forces - 2.0 * frame.positions))
    assert "translation" in harmonic_modes(spoilt, copper_gold()).reason


@pytest.mark.parametrize(
    ("after", "reason"),
    [(relaxed("converged"), ""), (relaxed("exploded"), "exploded"), (relaxed("converged", scale=1.2), "volume")],
)
def test_the_given_structure_must_stay_itself(after, reason):
    finding = given_structure(copper_gold(), after)
    assert finding.passed == (not reason)
    assert reason in finding.reason


def test_a_hole_below_the_given_structure_is_found():
    finding = random_structures([relaxed("converged", -2.0)], relaxed("converged", 0.0))
    assert "hole" in finding.reason


def test_random_structures_must_mostly_relax():
    finding = random_structures([relaxed("exploded"), relaxed("converged")], relaxed("converged"))
    assert "only 50% relax; the others end as exploded" in finding.reason
