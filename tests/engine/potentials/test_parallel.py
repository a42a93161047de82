"""Several processes give what one gives, in order."""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import write_frames
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.potentials.parallel import ParallelPotential
from aiida_anhcsp.engine.potentials.resolve import content_identity
from aiida_anhcsp.engine.potentials.specification import parse_specification
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax

from ..endless import gone, processes_in, soon
from ..relaxation.conftest import alloy

ROOT = Path(__file__).parents[3]
EMT = "ase:ase.calculators.emt:EMT"


def test_two_processes_evaluate_and_relax_as_one_does():
    frames = [alloy("Cu3Au", seed) for seed in range(6)]
    frames[2].positions[0] = np.nan
    one, two = load_potential(EMT), load_potential(EMT, batch_atoms=8, processes=2)
    assert isinstance(two, ParallelPotential)
    for alone, shared in zip(one.evaluate(frames), two.evaluate(frames), strict=True):
        assert (alone.status, alone.energy) == (shared.status, shared.energy)
        if alone.status == "ok":
            np.testing.assert_array_equal(alone.forces, shared.forces)
    settings = RelaxSettings(max_steps=5, batch_atoms=16)
    for alone, shared in zip(relax(frames, one, 5.0, settings), relax(frames, two, 5.0, settings), strict=True):
        assert alone.info == shared.info
        np.testing.assert_array_equal(alone.positions, shared.positions)
    assert len(multiprocessing.active_children()) >= 2
    two.close()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_the_one_they_work_for(tmp_path, how):
    told = tmp_path / "told"
    write_frames(tmp_path / "in.extxyz", [alloy("Cu3Au", seed) for seed in range(4)])
    potential = f"ase:tests.engine.endless:Endless:{json.dumps({'told': str(told)})}"
    arguments = ["relax", str(tmp_path / "in.extxyz"), str(tmp_path / "out.extxyz"), "--potential", potential]
    arguments += ["--pressure", "0", "--processes", "2", "--batch-atoms", "4"]
    engine = subprocess.Popen([sys.executable, "-m", "aiida_anhcsp.engine.cli.main", *arguments], cwd=ROOT)
    try:
        workers = processes_in(told, 2)
        assert engine.pid not in workers and not any(gone(worker) for worker in workers)
    finally:
        engine.send_signal(how)
        engine.wait()
    assert soon(lambda: all(gone(worker) for worker in workers))


def test_processes_do_not_share_a_gpu():
    with pytest.raises(InputError, match="--processes"):
        load_potential("mattersim:mini-H-S", device="cuda", processes=2)


def test_a_potential_is_known_by_its_content(tmp_path):
    from aiida_anhcsp.engine.potentials.resolve import BUNDLED

    copy = tmp_path / "other-name.pth"
    copy.write_bytes(BUNDLED["mini-H-S"].read_bytes())
    here = content_identity(parse_specification("mattersim:mini-H-S"))
    assert content_identity(parse_specification(f"mattersim:{copy}")) == here
    copy.write_bytes(copy.read_bytes() + b"0")
    assert content_identity(parse_specification(f"mattersim:{copy}")) != here


def test_a_guarded_potential_is_known_by_what_it_was_trained_on_and_its_grade(tmp_path):
    training = tmp_path / "training.extxyz"

    def identity(content: str, grade: float) -> str:
        training.write_text(content)
        guard = {"potential": EMT, "training": str(training), "largest_grade": grade}
        return content_identity(parse_specification(f"guarded:{json.dumps(guard)}"))

    assert identity("one", 2.0) == identity("one", 2.0)
    assert len({identity("one", 2.0), identity("two", 2.0), identity("one", 3.0)}) == 3


def test_a_guard_by_an_error_is_known_by_both_its_files_wherever_they_lie(tmp_path):
    def identity(folder: str, held_out: str) -> str:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        guard = {"potential": EMT, "largest_error": 100}
        for name, content in (("training", "one"), ("held_out", held_out)):
            (place / name).write_text(content)
            guard[name] = str(place / name)
        return content_identity(parse_specification(f"guarded:{json.dumps(guard)}"))

    assert identity("here", "two") == identity("there", "two") != identity("here", "three")


def test_files_of_a_guard_that_are_missing_are_bad_input(tmp_path):
    guard = {"potential": EMT, "training": str(tmp_path / "none"), "largest_grade": 2}
    with pytest.raises(InputError, match=r"--potential: .*none cannot be read"):
        content_identity(parse_specification(f"guarded:{json.dumps(guard)}"))
