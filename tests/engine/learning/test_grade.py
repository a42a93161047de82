from __future__ import annotations

import numpy as np
import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import bare
from aiida_anhcsp.engine.learning.grade import FeatureGrader, _space, grade, load_grader
from aiida_anhcsp.engine.learning.load import load_learner
from aiida_anhcsp.engine.learning.m3gnet import new_model
from aiida_anhcsp.engine.learning.settings import TrainSettings
from aiida_anhcsp.engine.learning.train import train

from .conftest import TINY, emt_frames


def _scaled(frame, factor):
    copy = bare(frame)
    copy.set_cell(factor * copy.cell.array, scale_atoms=True)
    return copy


@pytest.fixture(scope="module", params=["mattersim", "mtp"])
def grader(request, frames, tmp_path_factory):
    """Graders of both kinds, fitted to all frames."""
    if request.param == "mattersim":
        return FeatureGrader(new_model(TINY, 1), frames)
    outdir = tmp_path_factory.mktemp("mtp")
    learner = load_learner('mtp:new:{"level": 2, "cutoff": 4.5, "radial_basis_size": 4}', frames, seed=1)
    train(frames, learner, TrainSettings(seed=1, epochs=2), outdir, lambda record: None)
    return load_grader(f"mtp:{outdir / 'model.mtp'}", frames)


def test_training_frames_are_interpolated(grader, frames):
    grades = [frame.info["grade"] for frame in grade(frames, grader)]
    assert max(grades) < 1 + 1e-4


def test_compressed_and_expanded_cells_extrapolate(grader, frames):
    graded = grade([_scaled(frames[0], factor) for factor in (0.8, 1.0, 1.15)], grader)
    small, same, large = (frame.info["grade"] for frame in graded)
    assert same <= 1 + 1e-4 < min(small, large)


def test_features_outside_the_span_of_the_training_rows_extrapolate():
    rng = np.random.default_rng(1)
    inside = np.column_stack([rng.normal(size=(200, 3)), 1e-5 * rng.normal(size=(200, 5))])
    space = _space(inside)
    assert space.grade(inside).max() <= 1 + 1e-9
    middle = inside.mean(axis=0)
    far = middle + np.eye(8)[6]
    assert space.grade(middle[None])[0] <= 1 and space.grade(far[None])[0] > 100


def test_surroundings_like_those_of_the_training_are_known(frames):
    like = emt_frames(parents=10, children=2, seed=5)
    grades = [frame.info["grade"] for frame in grade(like, FeatureGrader(new_model(TINY, 1), frames))]
    assert np.median(grades) < 2


def test_grade_does_not_depend_on_the_setting(grader, frames):
    frame = _scaled(frames[0], 0.9)
    turned = frame * (1, 2, 1)
    turned.rotate(20, (1, 2, 3), rotate_cell=True)
    first, second = grade([frame, turned], grader)
    assert second.info["grade"] == pytest.approx(first.info["grade"], rel=2e-2)


def test_overlapping_atoms_carry_a_reason_and_no_grade(grader, frames):
    bad = bare(frames[0])
    bad.positions[1] = bad.positions[0]
    graded, good = grade([bad, frames[1]], grader)
    assert graded.info["status"] == "too_close" and "grade" not in graded.info
    assert "grade" in good.info


def test_unknown_element_is_not_graded(frames):
    other = bare(frames[0])
    other.symbols[:] = "Al"
    (graded,) = grade([other], FeatureGrader(new_model(TINY, 1), frames))
    assert graded.info["status"] == "failed" and np.isfinite(graded.positions).all()


def test_potential_without_features_is_refused(frames):
    with pytest.raises(InputError, match="no extrapolation grade"):
        load_grader("ase:ase.calculators.emt:EMT", frames)
