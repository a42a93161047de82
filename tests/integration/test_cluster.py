"""A search on a cluster: jobs go by SSH to Slurm, both real and of this checkout (scripts/cluster.sh)."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from aiida.orm import CalcJobNode, load_computer

from ..requirements import need
from .conftest import BIN, program, verdi

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "cluster"
CLUSTER = ROOT / ".cluster"
EMT = "ase:ase.calculators.emt:EMT"
KEYS = {
    "potential": EMT,
    "search": {
        "formula": "Cu3Au",
        "pressure": 10,
        "population": 6,
        "generations": 2,
        "seed": 5,
        "relax": {"fmax": 0.05, "max_steps": 60},
    },
}
OPTIONS = {
    "resources": {"num_machines": 1, "num_mpiprocs_per_machine": 1},
    "max_wallclock_seconds": 600,
    "queue_name": "gpu",
}


MINI = "mattersim:mini-H-S"
DEMO = {
    "potential": MINI,
    "search": {
        "formula": "H3S",
        "pressure": 130,
        "population": 4,
        "generations": 1,
        "seed": 5,
        "relax": {"fmax": 0.1, "max_steps": 15},
    },
}


@pytest.fixture(scope="module")
def cluster(aiida_profile: Any) -> str:
    """The computer of ``examples/cluster``, which here is this machine, with its code; set up as users do it."""
    need(
        all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("slurmctld", "munged", "sshd")),
        "a Slurm and an SSH server",
        "slurm-wlm munge openssh-server",
    )
    running = subprocess.run([ROOT / "scripts" / "cluster.sh", "running"], capture_output=True, text=True, check=True)
    assert running.stdout.strip() == "yes", "start it with scripts/cluster.sh start, and the daemon with its HOME"
    verdi(
        *("computer", "setup", "--non-interactive", "--config", EXAMPLES / "computer.yaml"),
        *("--work-dir", CLUSTER / "scratch"),
    )
    verdi(
        *("computer", "configure", "core.ssh_async", "cluster", "--non-interactive"),
        *("--config", EXAMPLES / "ssh.yaml", "--host", "anhcsp-cluster", "--safe-interval", "0"),
    )
    verdi(
        *("code", "create", "core.code.installed", "--non-interactive", "--config", EXAMPLES / "engine.yaml"),
        *("--filepath-executable", BIN / "anhcsp-engine"),
    )
    load_computer("cluster").set_minimum_job_poll_interval(1.0)
    return "anhcsp-engine@cluster"


@pytest.fixture(scope="module")
def search(cluster: str, launch: Callable) -> Any:
    """A search whose generations are relaxed three structures a job."""
    return launch("search", {**KEYS, "code": cluster, "options": OPTIONS, "chunk_size": 3})


@pytest.fixture(scope="module")
def demo(cluster: str, launch: Callable) -> Any:
    """The search of the demo in small: labels, here by a potential, on one partition, and all else on the other."""
    label = {"engine": "ase", "code": cluster, "potential": MINI, "options": {**OPTIONS, "queue_name": "cpu"}}
    learning = {"number": 3, "distortions": 2, "train": {"epochs": 1}, "label": label}
    return launch("search", {**DEMO, "code": cluster, "options": OPTIONS, "learning": learning})


def on_the_cluster(*command: str | Path) -> None:
    """Run a command where the jobs run: BLAS takes its kernels, and so its last digit, by variables such as
    OPENBLAS_CORETYPE, and a session by SSH has not those of the tests.
    """
    ssh = ["ssh", "-F", CLUSTER / "home" / ".ssh" / "config", "anhcsp-cluster"]
    subprocess.run([*ssh, shlex.join(map(str, command))], check=True, capture_output=True)


def jobs_of(node: Any) -> list[CalcJobNode]:
    """All jobs of a run."""
    return [child for child in node.called_descendants if isinstance(child, CalcJobNode)]


def finished_in_slurm() -> dict[str, dict[str, str]]:
    """What Slurm wrote down when jobs ended, by the scheduler's job id."""
    lines = (CLUSTER / "jobs.log").read_text().splitlines()
    return {entry["JobId"]: entry for entry in (dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines)}


def test_a_search_by_ssh_and_slurm_equals_the_engine_frame_by_frame(search: Any, tmp_path: Path) -> None:
    from aiida_anhcsp.engine.frames import read_frames

    assert search.is_finished_ok, search.exit_message
    settings = tmp_path / "SEARCH.yaml"
    settings.write_text(yaml.safe_dump({**KEYS["search"], "potential": EMT}))
    on_the_cluster(BIN / "anhcsp-engine", "search", settings, tmp_path / "out")
    alone = read_frames(tmp_path / "out" / "population.extxyz")
    together = search.outputs.population.get_frames()
    assert [frame.info for frame in together] == [frame.info for frame in alone]
    for ours, theirs in zip(together, alone, strict=True):
        assert np.array_equal(ours.positions, theirs.positions)
        assert np.array_equal(ours.cell[:], theirs.cell[:])


def test_every_job_went_through_slurm_with_its_resources(search: Any) -> None:
    jobs = jobs_of(search)
    assert sorted(job.process_label for job in jobs) == (
        ["GenerateCalculation"] + ["RelaxCalculation"] * 4 + ["VaryCalculation"]
    )
    written = finished_in_slurm()
    for job in jobs:
        entry = written[job.get_job_id()]
        assert entry["JobState"] == "COMPLETED"
        assert entry["WorkDir"] == job.get_remote_workdir()
        assert entry["Partition"] == OPTIONS["queue_name"]
        assert entry["TimeLimit"] == "10"  # minutes


def test_labels_run_on_one_partition_and_relaxations_and_trainings_on_the_other(demo: Any) -> None:
    assert demo.is_finished_ok, demo.exit_message
    (row,) = demo.outputs.history["generations"]
    assert row["labelled"] == 6
    assert "energy" in row["rmse_after"]
    written = finished_in_slurm()
    assert {(job.process_label, written[job.get_job_id()]["Partition"]) for job in jobs_of(demo)} == {
        ("GenerateCalculation", "gpu"),
        ("RelaxCalculation", "gpu"),
        ("EvaluateCalculation", "cpu"),
        ("TrainCalculation", "gpu"),
    }


def test_the_doctor_reaches_the_engine_and_the_disk_of_the_cluster(cluster: str) -> None:
    findings = program("doctor")
    assert re.search(rf"ok +code {cluster}: version", findings)
    assert re.search(r"ok +disk of cluster: \d+ GB free", findings)
