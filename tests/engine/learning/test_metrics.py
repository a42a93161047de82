from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.units import GPa

from aiida_anhcsp.engine.frames import with_labels
from aiida_anhcsp.engine.learning.metrics import errors_by_round, errors_of, table_of
from aiida_anhcsp.engine.potentials.base import Evaluation


def _frame(**info):
    return with_labels(Atoms("H2", cell=np.eye(3) * 3, pbc=True), -1.0, np.zeros((2, 3)), np.zeros(6), **info)


def _wrong(energy=0.0, force=0.0, stress=0.0):
    return Evaluation("ok", energy=-1.0 + energy, forces=np.full((2, 3), force), stress=np.full(6, stress))


def test_errors_are_in_mev_and_gpa():
    errors = errors_of([_frame()], [_wrong(energy=0.02, force=0.05, stress=2 * GPa)])
    assert errors == pytest.approx({"energy": 10.0, "force": 50.0, "stress": 2.0, "count": 1})


def test_frame_that_fails_is_counted_not_averaged():
    errors = errors_of([_frame(), _frame()], [_wrong(force=0.05), Evaluation("failed", "no")])
    assert errors is not None and errors["force"] == pytest.approx(50) and errors["failed"] == 1


def test_rounds_are_kept_apart():
    frames = [_frame(round=0), _frame(round=1), _frame()]
    before = [_wrong(force=0.2), _wrong(force=0.4), _wrong()]
    after = [_wrong(force=0.1), _wrong(force=0.3), _wrong()]
    table = errors_by_round(frames, before, after, held_out=[1])
    assert table["1"]["before"]["force"] == pytest.approx(400)
    assert table["1"]["after_held_out"]["force"] == pytest.approx(300)
    assert "after_held_out" not in table["0"]


def test_table_names_every_split():
    errors = {"energy": 1.0, "force": 2.0, "stress": 3.0, "count": 4}
    text = table_of({"before": {"test": errors}, "after": {"train": errors, "test": errors}})
    assert text.count("test") == 2 and "train" in text
