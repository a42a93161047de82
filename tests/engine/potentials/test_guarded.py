"""A potential that is not asked where it knows nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import with_labels
from aiida_anhcsp.engine.learning.grade import Grader
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.potentials.guarded import GuardedPotential, calibrated_guard
from aiida_anhcsp.engine.potentials.specification import parse_specification
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax

EMT = "ase:ase.calculators.emt:EMT"


class VolumeGrader(Grader):
    """The grade is the volume per atom relative to that of copper without pressure."""

    def grade(self, frame: Atoms) -> np.ndarray:
        return np.full(len(frame), frame.get_volume() / len(frame) / 11.76)


@pytest.fixture
def guarded() -> GuardedPotential:
    return GuardedPotential(load_potential(EMT), VolumeGrader(), largest_grade=1.1)


def test_what_is_known_is_evaluated_as_without_a_guard(guarded: GuardedPotential) -> None:
    frame = bulk("Cu", a=3.6)
    (mine,), (reference,) = guarded.evaluate([frame]), load_potential(EMT).evaluate([frame])
    assert mine.energy == reference.energy and guarded.elements == load_potential(EMT).elements


def test_what_is_unknown_is_refused_with_its_grade(guarded: GuardedPotential) -> None:
    known, unknown = guarded.evaluate([bulk("Cu", a=3.6), bulk("Cu", a=4.3)])
    assert known.status == "ok"
    assert unknown.status == "failed" and "grade 1.69 > 1.1" in unknown.reason


def test_relaxation_that_leaves_what_is_known_ends_there(guarded: GuardedPotential) -> None:
    settings = RelaxSettings(fmax=0.01, max_steps=100)
    swelling, settled = relax([bulk("Cu", a=3.55), bulk("Cu", a=3.55)], guarded, -40.0, settings)[:1] + relax(
        [bulk("Cu", a=3.55)], guarded, 0.0, settings
    )
    assert settled.info["status"] == "converged"
    assert swelling.info["status"] == "failed" and "outside what the potential knows" in swelling.info["reason"]
    assert swelling.get_volume() > bulk("Cu", a=3.55).get_volume()


def held_out(*lattices: float) -> list[Atoms]:
    """Copper with forces that are the wronger the larger it is; meV/angstrom of the RMSE are thousands of its grade."""
    frames = []
    for lattice in lattices:
        frame = bulk("Cu", a=lattice, cubic=True)
        error = float(VolumeGrader().grade(frame)[0])
        (truth,) = load_potential(EMT).evaluate([frame])
        assert truth.energy is not None and truth.forces is not None
        frames.append(with_labels(frame, truth.energy, truth.forces + error, truth.stress))
    return frames


def test_stated_error_is_that_of_what_is_let_through() -> None:
    labelled = held_out(3.4, 3.5, 3.6, 3.7, 3.8, 3.9)
    guarded = calibrated_guard(load_potential(EMT), VolumeGrader(), labelled, 1000.0, "--potential")
    passed = [frame for frame, each in zip(labelled, guarded.evaluate(labelled), strict=True) if each.status == "ok"]
    errors = [VolumeGrader().grade(frame)[0] for frame in passed]
    assert 0 < len(passed) < len(labelled)
    assert 1e3 * np.sqrt(np.mean(np.square(errors))) <= 1000.0
    assert max(errors) == pytest.approx(guarded.largest_grade)


def test_error_that_no_grade_has_is_refused_with_the_least_there_is() -> None:
    labelled = held_out(3.4, 3.5, 3.6, 3.7, 3.8, 3.9)
    with pytest.raises(InputError, match=r"no grade has force errors within 50 .* the least is 8\d\d on 6 held-out"):
        calibrated_guard(load_potential(EMT), VolumeGrader(), labelled, 50.0, "--potential")


def test_guard_by_an_error_names_its_held_out_structures() -> None:
    options = {"potential": "mtp:x", "training": "t", "held_out": "h", "largest_error": 150}
    assert parse_specification(f"guarded:{json.dumps(options)}").options == options


@pytest.mark.parametrize("text", ["guarded:", 'guarded:{"potential": "mtp:x"}', "guarded:{", "guarded:[1]"])
def test_incomplete_guard_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--potential"):
        parse_specification(text)
