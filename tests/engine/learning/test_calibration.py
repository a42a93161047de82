"""What a grade means for the error."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import labels_of
from aiida_anhcsp.engine.learning.calibration import calibrate
from aiida_anhcsp.engine.learning.grade import Grader
from aiida_anhcsp.engine.potentials.base import Evaluation, Potential


class Wrong(Potential):
    """Right but for a force error (eV/angstrom) that is written in the frame."""

    def evaluate(self, frames):
        return [
            Evaluation("ok", energy=0.0, forces=labels_of(frame)["forces"] + frame.info["error"], stress=np.zeros(6))
            for frame in frames
        ]


class Knowing(Grader):
    """Grades that grow with the error."""

    def grade(self, frame):
        return np.full(len(frame), 1 + 10 * frame.info["error"])


@pytest.fixture
def held_out(frames):
    for index, frame in enumerate(frames[:10]):
        frame.info["error"] = 0.02 * index
    return frames[:10]


def test_forces_up_to_the_threshold_are_as_good_as_stated(held_out):
    calibration = calibrate(held_out, Wrong(), Knowing(), "--held-out")
    threshold = calibration.threshold(80.0)
    within = [1e3 * frame.info["error"] for frame in held_out if 1 + 10 * frame.info["error"] <= threshold]
    assert np.sqrt(np.mean(np.square(within))) <= 80.0
    beyond = [*within, within[-1] + 20]
    assert np.sqrt(np.mean(np.square(beyond))) > 80.0


def test_threshold_rises_with_the_error_that_is_allowed(held_out):
    calibration = calibrate(held_out, Wrong(), Knowing(), "--held-out")
    thresholds = [calibration.threshold(error) for error in (10.0, 50.0, 1000.0)]
    assert thresholds == sorted(thresholds) and thresholds[-1] == max(calibration.grades)


def test_error_that_is_never_reached_has_no_threshold(held_out):
    for frame in held_out:
        frame.info["error"] = 0.5
    summary = calibrate(held_out, Wrong(), Knowing(), "--held-out").summary(100.0)
    assert "threshold" not in summary and len(summary["grades"]) == 10


def test_too_few_structures_are_bad_input(held_out):
    with pytest.raises(InputError, match="--held-out: 3 structures do not calibrate"):
        calibrate(held_out[:3], Wrong(), Knowing(), "--held-out")
