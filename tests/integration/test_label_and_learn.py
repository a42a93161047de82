"""Labels, learning and SSCHA through the real daemon, with a cheap reference potential."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators import emt

from aiida_anhcsp.engine.frames import labels_of, write_frames

from .conftest import program

EMT = "ase:ase.calculators.emt:EMT"
STAGES = ["1x1x1:40", "2x2x2:40"]


@pytest.fixture(scope="module")
def copper_gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty distorted Cu3Au cells in a file."""
    rng = np.random.default_rng(3)
    frames = []
    for number in range(40):
        atoms = bulk("Cu", cubic=True)
        atoms.symbols[0] = "Au"
        strain = np.eye(3) + rng.uniform(-0.05, 0.05, (3, 3))
        atoms.set_cell(atoms.cell[:] @ (strain + strain.T) / 2 * 1.02, scale_atoms=True)
        atoms.positions += rng.normal(scale=0.05, size=(4, 3))
        atoms.info = {"id": f"g000-{number:04d}", "generation": 0, "round": 0}
        frames.append(atoms)
    path = tmp_path_factory.mktemp("frames") / "frames.extxyz"
    write_frames(path, frames)
    return path


@pytest.fixture(scope="module")
def labelled(launch: Callable, copper_gold: Path) -> Any:
    """These cells, labelled in four jobs, two at a time."""
    label = {
        "engine": "ase",
        "code": "anhcsp-engine@localhost",
        "potential": EMT,
        "chunk_size": 10,
        "max_concurrent": 2,
    }
    return launch("label", {"population": str(copper_gold), "label": label})


@pytest.fixture(scope="module")
def learned(launch: Callable, labelled: Any) -> Any:
    """A moment tensor potential trained on these labels."""
    keys = {
        "dataset": labelled.outputs.population.pk,
        "new": 'mtp:new:{"level": 6, "cutoff": 5.0, "elements": ["Cu", "Au"]}',
        "train": {"epochs": 30, "seed": 1},
    }
    return launch("finetune", keys)


@pytest.fixture(scope="module")
def whole(launch: Callable, learned: Any) -> Any:
    """The whole path: search with learning, then SSCHA of the lowest structure."""
    label = {"engine": "ase", "code": "anhcsp-engine@localhost", "potential": EMT, "chunk_size": 4}
    keys = {
        "potential": learned.outputs.potential.pk,
        "search": {
            "formula": "Cu3Au",
            "pressure": 10,
            "population": 6,
            "generations": 2,
            "seed": 2,
            "relax": {"fmax": 0.05, "max_steps": 60},
        },
        "learning": {"number": 3, "distortions": 2, "train": {"epochs": 10}, "label": label},
        "sscha": {"number": 1, "temperatures": [300], "stages": STAGES, "seed": 1},
    }
    return launch("csp", keys)


def test_labels_are_those_of_the_reference(labelled: Any) -> None:
    assert labelled.is_finished_ok
    frames = labelled.outputs.population.get_frames()
    assert [frame.info["id"] for frame in frames] == [f"g000-{number:04d}" for number in range(40)]
    frame = frames[17]
    labels = labels_of(frame)
    frame.calc = emt.EMT()
    assert labels["energy"] == pytest.approx(frame.get_potential_energy(), abs=1e-6)
    assert np.allclose(labels["forces"], frame.get_forces(), atol=1e-6)
    assert np.allclose(labels["stress"], frame.get_stress(), atol=1e-6)


def test_training_brings_errors_down(learned: Any) -> None:
    assert learned.is_finished_ok
    assert learned.outputs.metrics["after"]["train"]["energy"] < 20


def test_whole_path_ends_with_a_ranking_by_free_energy(whole: Any) -> None:
    assert whole.is_finished_ok, whole.exit_message
    (row,) = whole.outputs.ranking["rows"]
    assert row["converged"]
    assert row["gibbs_free_energy_error"] < 0.01
    assert row["temperature"] == 300


def test_each_generation_learned_from_new_labels(whole: Any) -> None:
    rows = whole.outputs.history["generations"]
    assert [row["labelled"] for row in rows] == [6, 6]
    assert all({"energy", "force"} <= set(row["rmse_after"]) for row in rows)
    assert whole.outputs.potential.uuid != whole.inputs.search.potential.uuid


def test_status_of_the_whole_path_counts_what_was_done(whole: Any) -> None:
    status = program("status", str(whole.pk))
    assert "12 of 12 labels done" in status
    assert "1 of 1 SSCHA runs ended" in status


def test_every_stage_is_a_job_of_its_own(launch: Callable, tmp_path: Path) -> None:
    atoms = bulk("Cu", a=3.75, cubic=True)
    atoms.symbols[0] = "Au"
    write_frames(tmp_path / "copper_gold.extxyz", [atoms])
    sscha = {"pressure": 0, "temperature": 300, "stages": STAGES, "seed": 1}
    keys = {"structure": str(tmp_path / "copper_gold.extxyz"), "potential": EMT, "sscha": sscha}
    node = launch("sscha", keys)
    assert node.is_finished_ok, node.exit_message
    jobs = [child.label for child in sorted(node.called, key=lambda child: child.pk)]
    assert jobs[:3] == ["stage_1", "stage_2", "audit"]
    assert node.outputs.result["spacegroup_final"] == "Pm-3m"
