"""A killed run goes on from its checkpoint and ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.potentials.base import Evaluation
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.relaxation.checkpoint import fingerprint, save
from aiida_anhcsp.engine.relaxation.run import Run
from aiida_anhcsp.engine.relaxation.settings import Method

from .conftest import EmtPotential, alloy

SETTINGS = RelaxSettings(batch_atoms=12, fmax=0.05)


class KilledError(Exception):
    """Stands for the end of the process."""


class Mortal(EmtPotential):
    """Dies at its n-th call."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.left = calls

    def evaluate(self, frames: Sequence[Atoms]) -> list[Evaluation]:
        if self.left == 0:
            raise KilledError
        self.left -= 1
        return super().evaluate(frames)


def starts() -> list[Atoms]:
    frames = [alloy("Cu3Au", seed) for seed in range(6)]
    frames[2].positions[0] = np.nan
    return frames


def assert_equal(some: list[Atoms], others: list[Atoms]) -> None:
    for one, other in zip(some, others, strict=True):
        assert one.info == other.info
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.cell.array, other.cell.array)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoint after every cycle."""
    monkeypatch.setattr("aiida_anhcsp.engine.relaxation.relaxer.CHECKPOINT_INTERVAL", 0.0)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("method", ["lbfgs", "fire"])
def test_killed_again_and_again_the_result_is_the_same(tmp_path: Path, method: Method) -> None:
    checkpoint, settings = tmp_path / "run.npz", replace(SETTINGS, method=method)
    expected = relax(starts(), EmtPotential(), 20.0, settings)
    for calls in (1, 4, 7):
        with pytest.raises(KilledError):
            relax(starts(), Mortal(calls), 20.0, settings, checkpoint=checkpoint)
    rest = EmtPotential()
    assert_equal(relax(starts(), rest, 20.0, settings, checkpoint=checkpoint), expected)
    assert sum(frame.info.get("steps", 0) for frame in expected) > sum(rest.calls) / 4
    assert not checkpoint.exists()


def test_out_of_time_gives_a_partial_result_that_can_be_continued(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.npz"
    partial = relax(starts(), EmtPotential(), 20.0, SETTINGS, checkpoint=checkpoint, max_wallclock=0.0)
    assert [frame.info["status"] for frame in partial[:3]] == ["max_steps", "max_steps", "nonfinite"]
    assert partial[5].info["status"] == "failed"
    assert {frame.info["reason"] for frame in (*partial[:2], partial[5])} == {"out of time"}
    assert "enthalpy" in partial[0].info and "enthalpy" not in partial[5].info
    whole = relax(starts(), EmtPotential(), 20.0, SETTINGS, checkpoint=checkpoint)
    assert_equal(whole, relax(starts(), EmtPotential(), 20.0, SETTINGS))


def test_a_checkpoint_of_another_run_is_not_continued(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.npz"
    relax(starts(), EmtPotential(), 20.0, SETTINGS, checkpoint=checkpoint, max_wallclock=0.0)
    result = relax(starts(), EmtPotential(), 0.0, SETTINGS, checkpoint=checkpoint)
    assert_equal(result, relax(starts(), EmtPotential(), 0.0, SETTINGS))


def test_a_checkpoint_is_replaced_in_one_piece(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.npz"
    run = Run.new(starts(), EmtPotential(), 0.1, SETTINGS)
    for _ in range(2):
        run.cycle()
        save(run, checkpoint, fingerprint(starts(), 0.1, SETTINGS, ""))
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
