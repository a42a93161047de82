"""Pages of runs that have no ranking by free energy of their own: phase diagrams, and what has not come that far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.orm import WorkChainNode
from plumpy import ProcessState

from aiida_anhcsp.report.figures import figures_of
from aiida_anhcsp.report.page import write_page

from ..conftest import call
from .test_write import own_part


def test_a_phase_diagram_has_its_transition_its_figures_and_the_node_behind_each_number(
    diagram: WorkChainNode, tmp_path: Path
) -> None:
    text = own_part(write_page(diagram, tmp_path / "page.html").read_text())
    assert "g000-0000 -&gt; g000-0001" in text
    assert diagram.inputs.potential.uuid in text
    for name in ("population_p10", "population_p20"):
        assert diagram.outputs.phase_diagram.creator.inputs[name].uuid in text
    keys = {panel.key for panel in figures_of(diagram)}
    assert {"diagram_classical", "diagram_0K", "ranking_10GPa_0K", "ranking_20GPa_0K", "phases"} <= keys


def test_a_run_at_work_has_its_figures_and_failures_and_says_that_there_is_no_ranking_yet(
    search: WorkChainNode, tmp_path: Path
) -> None:
    text = own_part(write_page(search, tmp_path / "page.html").read_text())
    assert f"None: run {search.pk} has no ranking yet." in text
    assert 'data-target="enthalpy"' in text
    assert "the cell grew without end" in text


def test_a_run_that_ended_without_a_ranking_says_why(aiida_profile_clean: Any, tmp_path: Path) -> None:
    root = WorkChainNode(process_type="aiida.workflows:anhcsp.csp").store()
    failed = WorkChainNode(process_type="aiida.workflows:anhcsp.relax")
    call(root, failed, "relax_p10", {})
    failed.set_exit_status(401)
    failed.set_exit_message("The last relaxation: it was killed")
    root.set_process_state(ProcessState.FINISHED)
    root.set_exit_status(403)
    root.set_exit_message("No finalists: no structure could be relaxed")
    text = own_part(write_page(root, tmp_path / "page.html").read_text())
    assert f"run {root.pk} ended without a ranking: failed with exit status 403: No finalists" in text
    assert "The last relaxation: it was killed" in text
