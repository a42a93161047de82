"""Broken structures end with a status and a reason, and do not disturb the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.frames import labels_of
from aiida_anhcsp.engine.potentials.base import Evaluation
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax

from .conftest import EmtPotential, alloy

SETTINGS = RelaxSettings(max_steps=120, fmax=0.05)
RESULTS = {"enthalpy", "steps", "spacegroup", "pressure"}


def overlapping(seed: int) -> Atoms:
    frame = alloy("Cu4", seed)
    frame.positions[1] = frame.positions[0] + [0.1, 0.0, 0.0]
    return frame


def not_a_number(seed: int) -> Atoms:
    frame = alloy("Cu4", seed)
    frame.positions[seed % 4, 1] = np.nan
    return frame


def dense(seed: int) -> Atoms:
    frame = alloy("Cu4", seed)
    frame.set_cell(frame.cell.array * (0.5 * len(frame) / frame.get_volume()) ** (1 / 3), scale_atoms=True)
    return frame


def needle(seed: int) -> Atoms:
    return Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 20.0 + seed]], cell=[0.8, 0.8, 40.0 + 2 * seed], pbc=True)


def flat(seed: int) -> Atoms:
    return Atoms("Cu", cell=[[3, 0, 0], [0, 3, 0], [3, 3 + 0.1 * seed, 0]], pbc=True)


def molecule(seed: int) -> Atoms:
    return Atoms("Cu2", positions=[[0, 0, 0], [2.2 + 0.01 * seed, 0, 0]])


def infinite_cell(seed: int) -> Atoms:
    frame = alloy("Cu4", seed)
    frame.cell[0, 0] = np.inf
    return frame


def dilute(seed: int) -> Atoms:
    frame = alloy("Cu4", seed)
    frame.set_cell(frame.cell.array * (200 * len(frame) / frame.get_volume()) ** (1 / 3), scale_atoms=True)
    return frame


def left_handed(seed: int) -> Atoms:
    frame = alloy("Cu3Au", seed)
    frame.set_cell(-frame.cell.array)
    return frame


def lone_atom(seed: int) -> Atoms:
    return Atoms("Cu", cell=(2.6 + 0.01 * seed) * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / np.sqrt(2), pbc=True)


def crowd(seed: int) -> Atoms:
    """200 atoms, two of which overlap."""
    frame = alloy("Cu4", seed, repeat=(5, 5, 2))
    frame.positions[199] = frame.positions[0] + [0.1, 0.0, 0.0]
    return frame


BROKEN = {
    overlapping: "too_close",
    not_a_number: "nonfinite",
    dense: "collapsed",
    needle: "too_close",
    flat: "collapsed",
    molecule: "failed",
    infinite_cell: "nonfinite",
    crowd: "too_close",
}
UNUSUAL = {left_handed, lone_atom, dilute}
"""Odd, and sound for all that: pressure brings them back."""


def test_64_broken_cells_among_64_good_ones_change_nothing() -> None:
    good = [alloy("Cu3Au", seed) for seed in range(64)]
    kinds = [[*BROKEN, *UNUSUAL][number % (len(BROKEN) + len(UNUSUAL))] for number in range(64)]
    broken = [kind(number) for number, kind in enumerate(kinds)]
    mixed = [frame for pair in zip(good, broken, strict=True) for frame in pair]
    settings = RelaxSettings(max_steps=12, fmax=0.05)
    relaxed = relax(mixed, EmtPotential(), 20.0, settings)
    alone = relax(good, EmtPotential(), 20.0, settings)
    assert len(relaxed) == 128
    for frame, expected in zip(relaxed[::2], alone, strict=True):
        np.testing.assert_array_equal(frame.positions, expected.positions)
        assert frame.info == expected.info
    for frame, kind, start in zip(relaxed[1::2], kinds, broken, strict=True):
        if kind in UNUSUAL:
            assert frame.info["status"] in ("converged", "max_steps")
            continue
        assert frame.info["status"] == BROKEN[kind]
        assert frame.info["reason"]
        assert not RESULTS & frame.info.keys()
        assert labels_of(frame) == {}
        np.testing.assert_array_equal(frame.positions, start.positions)


class Abyss(EmtPotential):
    """A potential that breaks down, in a way of one's choice, below a volume per atom."""

    def __init__(self, volume: float, answer: Evaluation) -> None:
        super().__init__()
        self.volume, self.answer = volume, answer

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        return [self.answer if frame.get_volume() / len(frame) < self.volume else self.one(frame) for frame in frames]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Evaluation("nonfinite", "energy is nan"), "nonfinite"),
        (Evaluation("failed", "no such luck"), "failed"),
        (Evaluation("too_close", "atoms overlap"), "collapsed"),
        (Evaluation("ok", energy=np.nan, forces=np.zeros((4, 3)), stress=np.zeros(6)), "nonfinite"),
        (Evaluation("ok", energy=1.0, forces=np.zeros((4, 3))), "failed"),
    ],
)
def test_a_breakdown_on_the_way_leaves_the_last_sane_frame(answer: Evaluation, status: str) -> None:
    start = alloy("Cu4", 1)
    [relaxed] = relax([start], Abyss(12.5, answer), 60.0, SETTINGS)
    assert relaxed.info["status"] == status
    assert "steps" in relaxed.info["reason"]
    assert not RESULTS & relaxed.info.keys()
    assert 12.5 < relaxed.get_volume() / 4 < start.get_volume() / 4


class Attraction(EmtPotential):
    """Atoms that attract each other at any distance: no minimum but the collapse."""

    def one(self, frame: Atoms) -> Evaluation:
        volume = frame.get_volume()
        return Evaluation(
            "ok",
            energy=float(np.log(volume)) * 5 * len(frame),
            forces=np.zeros((len(frame), 3)),
            stress=np.array([5.0 * len(frame) / volume] * 3 + [0.0] * 3),
        )


def test_a_collapse_is_noticed_before_it_gets_expensive() -> None:
    [relaxed] = relax([alloy("Cu4", 1)], Attraction(), 0.0, RelaxSettings())
    assert relaxed.info["status"] == "collapsed"
    assert relaxed.get_volume() / 4 > 1.5


class Repulsion(Attraction):
    """Atoms that repel each other at any distance: the cell grows for ever."""

    def one(self, frame: Atoms) -> Evaluation:
        attraction = super().one(frame)
        assert attraction.energy is not None and attraction.stress is not None
        return Evaluation("ok", energy=-attraction.energy, forces=attraction.forces, stress=-attraction.stress)


def test_a_cell_that_grows_for_ever_has_exploded() -> None:
    [relaxed] = relax([alloy("Cu4", 1)], Repulsion(), 0.0, RelaxSettings())
    assert relaxed.info["status"] == "exploded"


def test_atoms_too_far_apart_to_feel_each_other_are_not_converged() -> None:
    gas = Atoms("Cu", cell=[12.0, 12.0, 12.0], pbc=True)
    [relaxed] = relax([gas], EmtPotential(), 0.0, RelaxSettings())
    assert relaxed.info["status"] == "exploded"


class Noise(EmtPotential):
    """Forces that have nothing to do with the energy."""

    def one(self, frame: Atoms) -> Evaluation:
        rng = np.random.default_rng(int(1e6 * frame.positions[0, 0]) % 2**31)
        return Evaluation(
            "ok", energy=10.0 + float(rng.random()), forces=rng.normal(size=(len(frame), 3)), stress=np.zeros(6)
        )


def test_an_oscillation_ends_early_and_says_so() -> None:
    [relaxed] = relax([alloy("Cu4", 1)], Noise(), 0.0, RelaxSettings(max_steps=100_000, fmax=1e-6))
    assert relaxed.info["status"] == "max_steps"
    assert "oscillating" in relaxed.info["reason"]
