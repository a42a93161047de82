"""Checking and planning runs; nothing here is submitted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida.orm import Node, ProcessNode, QueryBuilder
from ase.build import bulk

from aiida_anhcsp.cli.launch import DIGEST, digest, unfinished
from aiida_anhcsp.engine.frames import write_frames

EMT = "ase:ase.calculators.emt:EMT"
SEARCH: dict[str, Any] = {
    "potential": EMT,
    "search": {"formula": "Cu3Au", "population": 16, "generations": 3, "seed": 1, "pressure": 10},
}
LEARNING: dict[str, Any] = {
    "number": 5,
    "distortions": 2,
    "label": {"engine": "ase", "code": "anhcsp-engine@localhost", "potential": EMT, "chunk_size": 5},
}
LEARNS: dict[str, Any] = {**SEARCH, "potential": "learner"}
SSCHA: dict[str, Any] = {"number": 2, "temperatures": [0, 300], "stages": ["1x1x1:100", "2x2x2:200"], "seed": 1}


def test_plan_of_the_whole_path_counts_structures_labels_and_runs(ready: Callable, write_input: Callable) -> None:
    result = ready("launch", "csp", write_input({**LEARNS, "learning": LEARNING, "sscha": SSCHA}), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "3 generations of 16: at most 48 structures" in result.output
    labels = "at most 3 x (5 structures x 2 distortions + 10 unphysical) = 60, by anhcsp.label.ase in jobs of 5"
    assert labels in result.output
    assert "2 lowest distinct structures x 10 GPa x 0, 300 K = 4 runs" in result.output
    assert "1x1x1:100, 2x2x2:200, audit: 12 jobs, 2000 configurations" in result.output
    assert "anhcsp-engine@localhost: 1 process" in result.output


def test_plan_counts_seeds_prototypes_symmetrised_copies_and_the_last_round_of_learning(
    ready: Callable, write_input: Callable, tmp_path: Path
) -> None:
    frames = [bulk("CuAu", "rocksalt", a=5.0) for _ in range(5)]
    frames[0].info["status"] = "exploded"
    write_frames(tmp_path / "seeds.extxyz", frames)
    search = {
        **SEARCH["search"],
        "formula": "CuAu",
        "population": 2,
        "generations": 2,
        "prototypes": 3,
        "symmetrise": 1,
    }
    keys = {**LEARNS, "search": search, "seeds": "seeds.extxyz", "learning": {**LEARNING, "max_rounds": 1}}
    result = ready("launch", "search", write_input(keys), "--dry-run")
    assert result.exit_code == 0, result.output
    told = "2 generations of 2 + 4 seeds + 3 prototypes: at most 11 structures to relax, and 2 symmetrised copies"
    assert told in result.output and "at most 1 x (5 structures" in result.output
    limited = {**keys, "search": {**search, "max_relaxations": 7}}
    result = ready("launch", "search", write_input(limited), "--dry-run")
    assert result.exit_code == 2 and "max_relaxations: 7 leaves none beside 4 seeds" in result.output


def test_a_plan_stores_nothing(ready: Callable, write_input: Callable) -> None:
    before = QueryBuilder().append(Node).count()
    ready("launch", "csp", write_input({**LEARNS, "learning": LEARNING, "sscha": SSCHA}), "--dry-run")
    assert QueryBuilder().append(Node).count() == before


def test_a_plan_says_which_codes_are_missing(program: Callable, write_input: Callable) -> None:
    result = program("launch", "search", write_input(SEARCH), "--dry-run")
    assert result.exit_code == 2
    assert "48 structures" in result.output
    assert "nothing was submitted; launch would stop at what is missing" in result.output
    assert "missing: code: no code 'anhcsp-engine@localhost' in this profile; run aiida-anhcsp setup" in result.output


def test_a_plan_with_a_model_to_be_downloaded_is_no_failure(
    ready: Callable, write_input: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    result = ready("launch", "search", write_input({**SEARCH, "potential": "mattersim-v1.0.0-1M"}), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "missing: potential: mattersim-v1.0.0-1M is not on this machine; it is downloaded at launch" in result.output
    assert "launch would stop" not in result.output


def test_a_missing_code_stops_the_launch(program: Callable, write_input: Callable) -> None:
    result = program("launch", "search", write_input(SEARCH))
    assert result.exit_code == 2
    assert result.output.startswith("Error: code: no code 'anhcsp-engine@localhost'")
    assert QueryBuilder().append(ProcessNode).count() == 0


@pytest.mark.parametrize(
    ("potential", "line"),
    [
        ("mattersim:nothing.pth", "Error: potential: no file nothing.pth"),
        ("nonsense", "Error: potential: no potential 'nonsense'"),
        (987654, "Error: potential: no potential 987654"),
        ("mattersim:mini-H-S", "Error: potential: made for H S, not for Au Cu"),
    ],
)
def test_a_potential_that_cannot_work_is_named(
    ready: Callable, write_input: Callable, potential: str | int, line: str
) -> None:
    result = ready("launch", "search", write_input({**SEARCH, "potential": potential}), "--dry-run")
    assert result.exit_code == 2
    assert result.output.splitlines()[0].startswith(line)


def test_a_broken_checkpoint_is_named(ready: Callable, write_input: Callable, tmp_path: Path) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(b"no checkpoint")
    result = ready("launch", "search", write_input({**SEARCH, "potential": f"mattersim:{path}"}), "--dry-run")
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert line.startswith("Error: potential:")
    assert "checkpoint" in line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"engine": "abinit"}, "Error: learning.label.engine: no entry point anhcsp.label.abinit"),
        ({"chunksize": 5}, "Error: learning.label.chunksize: unknown key; did you mean chunk_size?"),
        ({"chunk_size": "five"}, "Error: learning.label.chunk_size: 'five' is not possible; give a whole number"),
        ({"potential": "mattersim:nothing.pth"}, "Error: learning.label.potential: no file nothing.pth"),
    ],
)
def test_label_inputs_are_checked_against_the_engine(
    ready: Callable, write_input: Callable, changes: dict[str, Any], line: str
) -> None:
    learning = {**LEARNING, "label": {**LEARNING["label"], **changes}}
    result = ready("launch", "search", write_input({**LEARNS, "learning": learning}), "--dry-run")
    assert result.exit_code == 2
    assert line in result.output


def test_plan_of_an_sscha_run_names_structure_and_point(ready: Callable, write_input: Callable, tmp_path: Path) -> None:
    write_frames(tmp_path / "copper.extxyz", [bulk("Cu")])
    keys = {
        "structure": "copper.extxyz",
        "potential": EMT,
        "sscha": {"pressure": 10, "temperature": 300, "stages": ["2x2x2:100"], "seed": 1},
    }
    result = ready("launch", "sscha", write_input(keys), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "1 run, 10 GPa, 300 K, cell free" in result.output


@pytest.mark.parametrize(
    ("stage", "frame", "line"),
    [
        ("1x1x1:50", bulk("Cu"), "sscha.stages: a single atom has no vibrations in 1x1x1"),
        ("2x1x1:50", bulk("Cu"), "sscha.stages: the supercell 2x1x1 breaks the crystal's point group"),
        ("2x2x2:50", bulk("Cu").repeat(2)[[0, 0]], "structure: atoms 0 and 1 overlap"),
    ],
)
def test_what_sscha_cannot_take_is_refused_before_anything_runs(
    ready: Callable, write_input: Callable, tmp_path: Path, stage: str, frame: Any, line: str
) -> None:
    write_frames(tmp_path / "copper.extxyz", [frame])
    sscha = {"pressure": 10, "temperature": 300, "stages": [stage], "seed": 1}
    keys = {"structure": "copper.extxyz", "potential": EMT, "sscha": sscha}
    result = ready("launch", "sscha", write_input(keys), "--dry-run")
    assert result.exit_code == 2
    assert line in result.output


def test_plan_of_a_finetuning_needs_one_start(ready: Callable, write_input: Callable, tmp_path: Path) -> None:
    write_frames(tmp_path / "copper.extxyz", [bulk("Cu")])
    keys = {"dataset": "copper.extxyz", "train": {"seed": 1}}
    result = ready("launch", "finetune", write_input(keys), "--dry-run")
    assert result.exit_code == 2
    assert result.output.startswith("Error: potential: needed, or new")


def test_an_unfinished_run_of_the_same_input_is_found_again(ready: Callable, write_input: Callable) -> None:
    from aiida.orm import WorkChainNode
    from plumpy import ProcessState

    from aiida_anhcsp.cli.inputs.build import prepare

    run = prepare("search", write_input(SEARCH), download=False)
    assert unfinished(run, digest(run)) is None
    node = WorkChainNode(process_type="aiida.workflows:anhcsp.search").store()
    node.base.extras.set(DIGEST, digest(run))
    node.set_process_state(ProcessState.WAITING)
    assert unfinished(run, digest(run)).pk == node.pk
    other = prepare("search", write_input({**SEARCH, "search": {**SEARCH["search"], "seed": 2}}), download=False)
    assert unfinished(other, digest(other)) is None
    node.set_process_state(ProcessState.FINISHED)
    assert unfinished(run, digest(run)) is None


def test_the_same_input_beside_another_file_is_another_run(
    ready: Callable, write_input: Callable, tmp_path: Path
) -> None:
    from aiida_anhcsp.cli.inputs.build import prepare

    sscha = {"pressure": 10, "temperature": 300, "stages": ["2x2x2:100"], "seed": 1}
    path = write_input({"structure": "crystal.extxyz", "potential": EMT, "sscha": sscha})
    digests = []
    for name in ("Cu", "Au", "Cu"):
        write_frames(tmp_path / "crystal.extxyz", [bulk(name)])
        run = prepare("sscha", path, download=False)
        digests.append(digest(run))
    assert digests[0] == digests[2] != digests[1]
    for node in (run.inputs["structure"], run.inputs["potential"]):
        node.store()
    assert digest(run) == digest(prepare("sscha", path, download=False)) == digests[0]


def test_plan_of_active_learning_says_what_is_labelled_at_most(
    ready: Callable, write_input: Callable, tmp_path: Path
) -> None:
    write_frames(tmp_path / "copper.extxyz", [bulk("Cu", cubic=True)])
    active = {"pressure": 10, "temperature": 300, "stages": ["2x2x2:100"], "seed": 1, "sample": "2x2x2:50"}
    label = {"engine": "ase", "code": "anhcsp-engine@localhost", "potential": EMT}
    keys = {"structure": "copper.extxyz", "active": active, "label": label}
    result = ready("launch", "active", write_input(keys), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "40 distortions of 2x2x2 cells, then at most 20 in each of 10 rounds" in result.output


def test_plan_of_a_growing_library_says_what_is_repeated_and_corrected(
    ready: Callable, write_input: Callable, tmp_path: Path
) -> None:
    frames = [bulk("Cu", cubic=True, a=3.6 + 0.1 * index) for index in range(3)]
    for index, frame in enumerate(frames):
        frame.info["id"] = f"s{index}"
    write_frames(tmp_path / "phases.extxyz", frames)
    active = {"pressure": 10, "temperature": 300, "stages": ["2x2x2:100"], "seed": 1}
    label = {"engine": "ase", "code": "anhcsp-engine@localhost", "potential": EMT}
    keys = {"structures": "phases.extxyz", "active": active, "label": label, "repeat": 1}
    result = ready("launch", "active", write_input({**keys, "correction": {"label": label}}), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "anhcsp.active_library" in result.output
    assert "3 runs, and at least 1 of the lowest with fresh potentials, 10 GPa" in result.output
    assert "to 1 meV/atom, 3 x 20 to 200 labels" in result.output
    result = ready("launch", "active", write_input({**keys, "structure": "phases.extxyz"}), "--dry-run")
    assert "structure: needed, or structures" in result.output
    del keys["structures"]
    result = ready("launch", "active", write_input({**keys, "structure": "phases.extxyz"}), "--dry-run")
    assert "repeat: only used with structures" in result.output


def test_two_stages_of_joint_training_are_in_the_plan(ready: Callable, write_input: Callable) -> None:
    stages = [{"epochs": 100}, {"epochs": 50, "weights": {"force": 0.1, "stress": 0.1}}]
    keys = {"learning": LEARNING, "pressures": [5, 10], "finetune": {"seed": 1, "stages": stages}, "sscha": SSCHA}
    result = ready("launch", "csp", write_input({**LEARNS, **keys}), "--dry-run")
    assert "100, then 50 epochs on all labels" in result.output, result.output


def test_plan_of_the_whole_path_tells_the_correction(ready: Callable, write_input: Callable) -> None:
    correction = {"target": 0.002, "first": 10, "max_labels": 40, "label": LEARNING["label"]}
    keys = {**SEARCH, "sscha": SSCHA, "correction": correction}
    result = ready("launch", "csp", write_input(keys), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "to 2 meV/atom, 4 x 10 to 40 labels by anhcsp.label.ase in jobs of 5" in result.output
    wrong = {**correction, "target": 0}
    result = ready("launch", "csp", write_input({**keys, "correction": wrong}), "--dry-run")
    assert result.output.startswith("Error: correction.target: 0 is not possible")


def test_plan_tells_the_first_labels_and_the_dft_relaxation_at_the_end(ready: Callable, write_input: Callable) -> None:
    limits = {"elements": {"Cu": "0-4", "Au": "0-4"}, "atoms": "1-4"}
    search = {**{key: value for key, value in SEARCH["search"].items() if key != "formula"}, "composition": limits}
    relaxation = {"number": 3, "engine": "gpaw", "code": "gpaw-python@localhost"}
    keys = {"learning": {**LEARNING, "initial": 12, "hull_tolerance": 0.005}, "dft_relax": relaxation}
    result = ready("launch", "search", write_input({**LEARNS, "search": search, **keys}), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "12 random structures, by anhcsp.label.ase" in result.output
    assert "Au-Cu, 2-4 atoms a cell and 1-4 of an element alone, 10 GPa" in result.output
    assert "x the default number of epochs, 20% of the labels held out" in result.output
    relaxed = "3 lowest structures and 2 elements, phases of the labels' hull at 10 GPa, by anhcsp.dft_relax.gpaw"
    assert relaxed in result.output
    wrong = {**keys, "dft_relax": {**relaxation, "pressure": 5}}
    result = ready("launch", "search", write_input({**LEARNS, "search": search, **wrong}), "--dry-run")
    assert "dft_relax.pressure: unknown key" in result.output
    wrong = {**keys, "dft_relax": {**relaxation, "code": "anhcsp-engine@localhost"}}
    result = ready("launch", "search", write_input({**LEARNS, "search": search, **wrong}), "--dry-run")
    assert "is the engine of this plugin; give the Python interpreter that GPAW is installed for" in result.output


def test_plan_of_a_quantum_hull_counts_the_elements_at_least(ready: Callable, write_input: Callable) -> None:
    limits = {"elements": {"Cu": "0-4", "Au": "0-4"}, "atoms": "1-4"}
    search = {**{key: value for key, value in SEARCH["search"].items() if key != "formula"}, "composition": limits}
    result = ready("launch", "csp", write_input({**SEARCH, "search": search, "sscha": SSCHA}), "--dry-run")
    assert result.exit_code == 2 and result.output.startswith("Error: sscha.stages: in 1x1x1:100 an element")
    sscha = {**SSCHA, "stages": ["2x2x2:200"]}
    result = ready("launch", "csp", write_input({**SEARCH, "search": search, "sscha": sscha}), "--dry-run")
    assert result.exit_code == 0, result.output
    runs = "2 lowest distinct structures of each composition within 0.05 eV/atom of the hull x 10 GPa x 0, 300 K"
    assert f"{runs} = at least 8 runs" in " ".join(result.output.split())


def test_the_whole_path_can_begin_with_nothing(ready: Callable, write_input: Callable) -> None:
    keys = {"learning": {**LEARNING, "initial": 12, "new": 'mtp:new:{"level": 2}'}, "sscha": SSCHA}
    nothing = {key: value for key, value in SEARCH.items() if key != "potential"}
    result = ready("launch", "csp", write_input({**nothing, **keys}), "--dry-run")
    assert result.exit_code == 0, result.output
    assert 'mtp:new:{"level": 2}, from nothing on the first labels' in result.output
    result = ready("launch", "csp", write_input({**nothing, "sscha": SSCHA}), "--dry-run")
    assert result.output.startswith("Error: potential: needed, or learning.new")


def test_plan_of_a_phase_diagram_counts_its_points(ready: Callable, write_input: Callable, tmp_path: Path) -> None:
    frames = [bulk("Cu"), bulk("Cu", "bcc", a=2.85)]
    for frame, name in zip(frames, ("fcc", "bcc"), strict=True):
        frame.info["id"] = name
    write_frames(tmp_path / "phases.extxyz", frames)
    grid = {"pressures": [0, 20, 40], "temperatures": [0, 300], "stages": ["2x2x2:50"], "seed": 1}
    keys = {"structures": "phases.extxyz", "potential": EMT, "phase_diagram": grid}
    result = ready("launch", "phase_diagram", write_input(keys), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "2 structures x 0, 20, 40 GPa x 0, 300 K = 12 runs" in result.output


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("correct", {"sscha": 987654, "correction": {"label": LEARNING["label"]}}),
        ("hessian", {"sscha": 987654, "hessian": {"seed": 1}}),
        ("sscha_on_labels", {"start": 987654, "population": {"pressure": 1, "seed": 1}, "label": LEARNING["label"]}),
    ],
)
def test_what_goes_on_with_a_run_needs_one(ready: Callable, write_input: Callable, kind: str, keys: Any) -> None:
    result = ready("launch", kind, write_input(keys), "--dry-run")
    assert result.exit_code == 2
    assert "no node 987654 in this profile; give the PK of an anhcsp.sscha run" in result.output


def test_launching_again_with_resume_goes_on_with_the_run_and_says_which(
    ready: Callable, write_input: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aiida.orm import WorkChainNode
    from plumpy import ProcessState

    submitted = []

    def submit(process: Any, inputs: Any) -> WorkChainNode:
        node = WorkChainNode(process_type="aiida.workflows:anhcsp.csp").store()
        node.set_process_state(ProcessState.WAITING)
        submitted.append(node)
        return node

    monkeypatch.setattr("aiida.engine.submit", submit)
    path = write_input({**SEARCH, "sscha": SSCHA})
    first = ready("launch", "csp", path, "--resume")
    assert first.output.startswith(f"submitted PK {submitted[0].pk};")
    again = ready("launch", "csp", path, "--resume")
    assert again.output.startswith(f"resuming PK {submitted[0].pk}, submitted ")
    assert len(submitted) == 1
    submitted[0].set_process_state(ProcessState.FINISHED)
    assert ready("launch", "csp", path, "--resume").output.startswith(f"submitted PK {submitted[1].pk};")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"walltime": 3600}, "options: unknown option 'walltime'"),
        ({"max_wallclock_seconds": "1h"}, "options: max_wallclock_seconds:"),
        (
            {"resources": {"foo": 1}},
            "options.resources: these parameters were not recognized: foo; the keys on localhost",
        ),
        ({"resources": {"num_machines": 0}}, "options.resources: `num_machines` must be greater than or equal to one;"),
        ({"resources": {"num_machines": [1]}}, "options.resources: int() argument must be"),
    ],
)
def test_scheduler_options_are_checked_before_anything_is_submitted(
    ready: Callable, write_input: Callable, options: dict[str, Any], line: str
) -> None:
    result = ready("launch", "search", write_input({**SEARCH, "options": options}), "--dry-run")
    assert result.exit_code == 2
    assert line in result.output
