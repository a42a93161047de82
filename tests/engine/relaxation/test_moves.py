"""How far one move may go, and what it leaves as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.potentials.base import Evaluation
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.relaxation.flight import capped, take_off
from aiida_anhcsp.engine.relaxation.run import LARGEST_DISPLACEMENT, LARGEST_STRAIN

from .conftest import EmtPotential, alloy


class Watched(EmtPotential):
    """Remembers the geometries it is asked for, one structure at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Atoms] = []

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        self.seen += [frame.copy() for frame in frames]
        return super().evaluate(frames)


@pytest.mark.parametrize("method", ["lbfgs", "fire"])
def test_no_move_is_farther_than_allowed(method: str) -> None:
    start = alloy("Cu3Au", 3)
    start.positions[1] += [0.5, 0.3, 0.0]
    watched = Watched()
    relax([start], watched, 20.0, RelaxSettings(method=method, max_steps=40))  # type: ignore[arg-type]
    strains, moves = [], []
    for before, after in zip(watched.seen, watched.seen[1:], strict=False):
        deformation = np.linalg.solve(before.cell.array, after.cell.array)
        strains.append(np.linalg.norm((deformation + deformation.T) / 2 - np.eye(3)))
        moves.append(np.linalg.norm(after.positions - before.positions @ deformation, axis=1).max())
    assert 0.03 < max(moves) < 2.1 * LARGEST_DISPLACEMENT  # twice: a move taken back is none, and the next follows
    assert max(strains) < 2.1 * LARGEST_STRAIN


def test_a_move_is_shortened_and_not_turned_and_that_of_each_structure_on_its_own() -> None:
    near, far = (alloy("Cu4", seed) for seed in (1, 2))
    flights = [take_off(i, f.numbers, f.positions, f.cell.array) for i, f in enumerate((near, far))]
    flight = flights[0].join(flights[1])
    move = np.random.default_rng(1).normal(size=(14, 3))
    move[:7] *= 1e-3
    shortened = capped(flight, move, 0.2, 0.1)
    np.testing.assert_array_equal(shortened[:7], move[:7])
    ratio = shortened[7:] / move[7:]
    assert np.ptp(ratio) < 1e-12 and 0 < ratio[0, 0] < 1
    reach = np.linalg.norm(shortened[7:11], axis=1).max() / 0.2
    stretch = np.linalg.norm(shortened[11:]) / flight.stiffness[1] / 0.1
    assert max(reach, stretch) == pytest.approx(1.0)


def test_far_from_its_pressure_a_cell_only_changes_its_volume_at_first() -> None:
    start = alloy("Cu4", 1)
    start.set_cell(start.cell.array * 1.5, scale_atoms=True)
    watched = Watched()
    relax([start], watched, 100.0, RelaxSettings(max_steps=3))
    first, *others = watched.seen
    for frame in others[:2]:
        scale = (frame.get_volume() / first.get_volume()) ** (1 / 3)
        assert scale < 0.97
        np.testing.assert_allclose(frame.cell.array, scale * first.cell.array, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(frame.positions, scale * first.positions, rtol=1e-9, atol=1e-9)


def test_a_cell_that_becomes_the_reference_again_and_again_ends_in_the_same_minimum(
    emt: EmtPotential, alloys: list[Atoms], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = relax(alloys, emt, 20.0)
    monkeypatch.setattr("aiida_anhcsp.engine.relaxation.run.REFERENCE_STRAIN", 0.02)
    for expected, relaxed in zip(usual, relax(alloys, emt, 20.0), strict=True):
        assert relaxed.info["status"] == "converged"
        assert relaxed.info["enthalpy"] == pytest.approx(expected.info["enthalpy"], abs=1e-3)
        assert relaxed.info["spacegroup"] == expected.info["spacegroup"]
