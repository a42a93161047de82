"""Nodes behind the numbers."""

from __future__ import annotations

from aiida.orm import Dict, WorkChainNode

from aiida_anhcsp.report.provenance import final_structures, sources_of
from aiida_anhcsp.report.ranking import ranking_rows


def test_each_number_is_in_the_node_that_is_named(whole: WorkChainNode) -> None:
    rows = ranking_rows(whole)
    for row, sources in zip(rows, sources_of(whole, rows), strict=True):
        assert isinstance(sources["result"], Dict)
        assert sources["result"]["gibbs_free_energy"] == row["gibbs_free_energy"]
        assert sources["population"].get_frame(row["id"]).info["enthalpy"] == row["enthalpy"]


def test_final_structures_are_by_run(whole: WorkChainNode) -> None:
    finals = final_structures(whole)
    assert len(finals) == 6
    assert finals["g000-0001", 10.0, 300.0].get_volume() > finals["g000-0000", 10.0, 300.0].get_volume()
