"""The page of a run on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aiida.common.links import LinkType
from aiida.orm import Dict, WorkChainNode

from ..report.conftest import call, generation


def test_a_search_at_work_has_a_page_and_figures(program: Callable, tmp_path: Path) -> None:
    search = WorkChainNode(process_type="aiida.workflows:anhcsp.search")
    keys = {"formula": "Cu", "population": 2, "generations": 2, "seed": 1}
    search.base.links.add_incoming(Dict(keys).store(), LinkType.INPUT_WORK, "settings")
    search.store()
    relaxed = {"population": generation(0, [0.1, 0.2])}
    call(search, WorkChainNode(process_type="aiida.workflows:anhcsp.relax"), "generation_000_relax", relaxed)
    result = program("report", search.pk, tmp_path / "page.html", "--figures", tmp_path / "figures")
    assert result.exit_code == 0, result.output
    assert "has no ranking yet" in (tmp_path / "page.html").read_text()
    assert (tmp_path / "figures" / "enthalpy.svg").is_file()
