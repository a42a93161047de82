"""SSCHA runs stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiida.common.links import LinkType
from aiida.orm import Dict, WorkChainNode

from aiida_anhcsp.report.figures import figures_of
from aiida_anhcsp.report.page import write_page
from aiida_anhcsp.report.sscha import sscha_runs_of

from .page.test_write import own_part


def entry(gibbs: float, **more: Any) -> dict[str, Any]:
    """What the result of an SSCHA run says of a stage."""
    keys = {"gibbs_free_energy": gibbs, "gibbs_free_energy_error": 0.001, "pressure": 10.1, "pressure_error": 0.2}
    return {**keys, "configurations": 50, "converged": True, "spacegroup_final": "Im-3m", **more}


@pytest.fixture
def relaxed(aiida_profile_clean: Any) -> WorkChainNode:
    """A run alone, whose second stage did not converge, with its audit."""
    stages = [
        entry(0.52, supercell=[1, 1, 1], populations=3),
        entry(0.50, supercell=[2, 2, 2], populations=8, converged=False, reason="the gradient is large"),
    ]
    audit = {**entry(0.505, converged=False), "audit": {"configurations": 200}, "stages": stages}
    node = WorkChainNode(process_type="aiida.workflows:anhcsp.sscha", label="h3s").store()
    result = Dict({**audit, "temperature": 300.0, "pressure_target": 10.0}).store()
    result.base.links.add_incoming(node, LinkType.RETURN, "result")
    return node


def test_a_run_has_its_stages_and_its_audit(relaxed: WorkChainNode) -> None:
    (run,) = sscha_runs_of(relaxed)
    assert (run.name, run.point) == ("h3s", (10.0, 300.0))
    assert [step.name for step in run.steps] == ["1x1x1", "2x2x2", "audit"]
    assert [step.configurations for step in run.steps] == [50, 50, 200]
    assert [step.note for step in run.steps] == ["", "the gradient is large", "not converged"]


def test_the_figure_is_relative_to_the_end(relaxed: WorkChainNode) -> None:
    (panel,) = figures_of(relaxed)
    (series,) = panel.series
    assert list(series.y) == pytest.approx([15.0, -5.0, 0.0])
    assert list(panel.ticks.values()) == ["1x1x1", "2x2x2", "audit"]


def test_the_page_of_a_run_alone_shows_its_stages(relaxed: WorkChainNode, tmp_path: Path) -> None:
    text = own_part(write_page(relaxed, tmp_path / "page.html").read_text())
    for words in ("0.5050 ± 0.0010", "the gradient is large", "1 run,", relaxed.outputs.result.uuid):
        assert words in text
