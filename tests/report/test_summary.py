"""A run in a few lines."""

from __future__ import annotations

from aiida.orm import WorkChainNode

from aiida_anhcsp.report.ranking import ranking_rows
from aiida_anhcsp.report.summary import summary_of


def test_the_summary_says_what_was_asked_done_and_found(whole: WorkChainNode) -> None:
    lines = summary_of(whole, ranking_rows(whole))
    assert lines["system"] == "Cu, 10 GPa"
    assert lines["result"].startswith("Cu Fm-3m → Fm-3m (g000-0001), G = 0.2400 ± 0.0010 eV/atom at 10 GPa, 0 K\n")
    assert lines["search"] == "0 of 1 generations, 2 of 3 structures relaxed, seed 1"
    assert lines["potential"].startswith("ase")
    assert lines["processes"].startswith(f"{len(whole.called_descendants) + 1} in ")
    assert "labels" not in lines


def test_of_compositions_all_on_the_hull_are_the_result(compositions: WorkChainNode) -> None:
    lines = summary_of(compositions, ranking_rows(compositions))
    assert lines["system"] == "Cu-Au, 0 GPa"
    assert lines["result"].count("eV/atom") == 3


def test_a_run_at_work_has_no_result_yet(search: WorkChainNode) -> None:
    lines = summary_of(search, [])
    assert "result" not in lines
    assert lines["search"].startswith("2 of 2 generations")
