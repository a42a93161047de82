"""The input files that come with the package can be planned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiida.orm import Computer, InstalledCode
from click.testing import CliRunner

from aiida_anhcsp.cli.inputs.models import EngineInput, SschaInput, SschaOnLabelsInput

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def plan(aiida_profile_clean: Any) -> Callable[..., str]:
    """What ``launch --dry-run`` says of an example, on a profile with the codes the examples name."""
    from aiida_anhcsp.cli.main import command

    cluster = Computer(
        label="cluster", hostname="cluster", transport_type="core.ssh", scheduler_type="core.slurm", workdir="/scratch"
    ).store()
    InstalledCode(label="anhcsp-engine", computer=cluster, filepath_executable="/opt/bin/anhcsp-engine").store()
    InstalledCode(
        label="vasp", computer=cluster, filepath_executable="/opt/bin/vasp_std", default_calc_job_plugin="vasp.vasp"
    ).store()
    assert CliRunner().invoke(command, ["setup"]).exit_code == 0

    def run(name: str, kind: str = "csp", file: str = "input.yaml") -> str:
        result = CliRunner().invoke(command, ["launch", kind, str(EXAMPLES / name / file), "--dry-run"])
        assert result.exit_code == (2 if "launch would stop" in result.output else 0), result.output
        return result.output

    return run


def test_the_demo_is_ready_to_run_after_setup(plan: Callable) -> None:
    text = plan("h3s_demo")
    assert "3 generations of 16" in text
    assert "by anhcsp.label.gpaw" in text
    assert "missing" not in text


def test_the_h3s_study_is_planned_at_full_size(plan: Callable) -> None:
    text = plan("h3s_study")
    assert "75, 125 GPa" in text
    assert "2 searches of 10 generations of 1000: at most 20000 structures" in text
    assert "at most 20 x (10 structures x 10 distortions + 10 unphysical) = 2200, by anhcsp.label.vasp" in text
    assert "missing: code" not in text
    assert "missing: learning.label.code" not in text


def test_the_h3s_study_on_one_machine_is_ready_to_run_after_setup(plan: Callable) -> None:
    text = plan("h3s_study", file="gpaw.yaml")
    assert "75, 125 GPa" in text
    assert "at most 8 x (4 structures x 2 distortions + 10 unphysical) = 144, by anhcsp.label.gpaw" in text
    assert "missing" not in text


def test_the_ternary_search_is_ready_to_run_after_setup(plan: Callable) -> None:
    text = plan("mg_ca_h", "search")
    assert "12 generations of 600" in text
    assert "at most 12 x (24 structures x 1 distortions + 2 unphysical) = 312, by anhcsp.label.gpaw" in text
    assert "12 x 120 epochs, 0% of the labels held out" in text
    assert "100 random structures, by anhcsp.label.gpaw" in text
    assert "6 lowest structures and 3 elements, phases of the labels' hull at 300 GPa, by anhcsp.dft_relax.gpaw" in text
    assert "missing" not in text


def test_the_quantum_hull_of_a_binary_is_ready_to_run_after_setup(plan: Callable) -> None:
    text = " ".join(plan("ca_h").split())
    assert "from nothing on the first labels" in text
    assert "1 lowest distinct structures of each composition within 0.02 eV/atom of the hull x 200 GPa x 300 K" in text
    assert "= at least 2 runs" in text
    assert "to 5 meV/atom, 2 x 4 to 4 labels by anhcsp.label.gpaw" in text
    assert "missing" not in text


def test_lah10_is_planned_at_300_kelvin(plan: Callable) -> None:
    text = plan("lah10")
    assert "LaH10, 11 atoms a cell, 150 GPa" in text
    assert "20 lowest distinct structures x 150 GPa x 300 K = 20 runs" in text
    assert "missing: code" not in text


def test_lah10_is_planned_by_free_energy(plan: Callable) -> None:
    text = plan("lah10", "search", "gibbs.yaml")
    assert "every structure at 300 K: at most 1200 runs, 10 at a time, given up 200 meV/atom above the lowest" in text
    assert "auto:100, auto:400, audit: 3600 jobs" in text


def test_active_learning_of_im3m_is_ready_to_run_after_setup(plan: Callable) -> None:
    text = plan("h3s_active", "active")
    assert "40 distortions of 1x1x1 cells, then at most 10 in each of 6 rounds, by anhcsp.label.gpaw" in text
    assert "missing" not in text


def test_active_learning_of_cah6_is_ready_to_run_after_setup(plan: Callable) -> None:
    text = plan("cah6_active", "active")
    assert "24 distortions of 1x1x1 cells, then at most 8 in each of 2 rounds, by anhcsp.label.gpaw" in text
    assert "missing" not in text


def test_both_strategies_are_ready_to_run_after_setup(plan: Callable) -> None:
    text = plan("h3s_active", "active", "library.yaml")
    assert "2, one after the other" in text
    assert "correction    to 1 meV/atom, 2 x 16 to 32 labels by anhcsp.label.gpaw" in text
    assert "missing" not in text


def test_the_phase_diagram_of_h3s_is_ready_to_run_after_setup(plan: Callable) -> None:
    text = plan("h3s_phases", "phase_diagram")
    assert "2 structures x 90, 115, 140, 165, 190 GPa x 0, 300 K = 20 runs" in text
    assert "missing" not in text


def test_sscha_of_h3s_on_dft_starts_with_a_finetuned_potential(plan: Callable) -> None:
    assert "missing" not in plan("h3s_dft", "finetune", "potential.yaml")


@pytest.mark.parametrize("file, model", [("sscha.yaml", SschaInput), ("dft.yaml", SschaOnLabelsInput)])
def test_the_next_steps_on_dft_only_lack_the_pk_of_the_one_before(file: str, model: type[EngineInput]) -> None:
    model.model_validate(yaml.safe_load((EXAMPLES / "h3s_dft" / file).read_text()))
