"""Disagreement of potentials."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_anhcsp.engine.frames import bare, labels_of
from aiida_anhcsp.engine.learning.committee import spread
from aiida_anhcsp.engine.potentials.base import Evaluation, Potential


class Shifted(Potential):
    """The labels of the frames, with the force on the last atom changed."""

    def __init__(self, force: float) -> None:
        self.force = force

    def evaluate(self, frames):
        evaluations = []
        for frame in frames:
            forces = np.zeros((len(frame), 3))
            forces[-1, 0] = self.force
            if frame.info.get("bad"):
                evaluations.append(Evaluation("too_close", "atoms overlap"))
            else:
                evaluations.append(Evaluation("ok", energy=0.0, forces=forces, stress=np.zeros(6)))
        return evaluations


def test_spread_is_the_deviation_on_the_worst_atom(frames):
    (frame, _) = spread(frames[:2], [Shifted(0.3), Shifted(-0.3)])
    assert frame.info["spread"] == pytest.approx(0.3)
    assert labels_of(frame)["energy"] == labels_of(frames[0])["energy"]


def test_potentials_that_agree_have_no_spread(frames):
    (frame,) = spread(frames[:1], [Shifted(0.3)] * 3)
    assert frame.info["spread"] == pytest.approx(0)


def test_refused_frame_carries_the_reason(frames):
    bad = bare(frames[0])
    bad.info["bad"] = True
    (frame,) = spread([bad], [Shifted(0.0), Shifted(1.0)])
    assert frame.info["status"] == "too_close" and "spread" not in frame.info


def test_one_potential_is_no_committee(frames):
    with pytest.raises(ValueError, match="two or more"):
        spread(frames, [Shifted(0.0)])
