"""A search by free energy in the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aiida.common.links import LinkType
from aiida.orm import StructureData, WorkChainNode
from ase.build import bulk

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.report.page import write_page
from aiida_anhcsp.report.provenance import sources_of
from aiida_anhcsp.report.ranking import ranking_rows

from .conftest import call, generation, sscha_result
from .page.test_write import own_part


@pytest.fixture
def gibbs(search: WorkChainNode, job: Callable) -> WorkChainNode:
    """The second structure has the lower free energy, the third shares it, the fourth was given up."""
    frames = generation(0, [0.10, 0.12, 0.12, 0.15]).get_frames()
    for frame, gibbs, rank in zip(frames, (0.5, 0.4, 0.4), (2, 1, None), strict=False):
        frame.info |= {"gibbs_free_energy": gibbs, "gibbs_free_energy_error": 0.002, "temperature": 300.0}
        frame.info |= {"sscha": "converged", "spacegroup_final": "Im-3m", "rank": rank}
    frames[2].info |= {"free_energy_of": "g000-0001", "rank": 3}
    frames[3].info |= {"sscha": "given_up", "reason": "G cannot come below 0.5"}
    del frames[3].info["rank"]
    for index, value in enumerate((0.5, 0.4)):
        run = WorkChainNode(process_type="aiida.workflows:anhcsp.sscha")
        outputs = {"result": sscha_result(value), "structure": StructureData(ase=bulk("Cu"))}
        call(search, run, f"generation_000_sscha_g000_000{index}", outputs)
    population = PopulationData.from_frames(frames).store()
    population.base.links.add_incoming(search, LinkType.RETURN, "population")
    return search


def test_the_run_behind_each_free_energy_is_named(gibbs: WorkChainNode) -> None:
    rows = ranking_rows(gibbs)
    sources = {row["id"]: found for row, found in zip(rows, sources_of(gibbs, rows), strict=True)}
    assert [row["id"] for row in rows] == ["g000-0001", "g000-0000", "g000-0002", "g000-0003"]
    assert sources["g000-0000"]["result"]["gibbs_free_energy"] == 0.5
    assert sources["g000-0002"]["result"].pk == sources["g000-0001"]["result"].pk
    assert "result" not in sources["g000-0003"]


def test_the_page_shows_free_energies_and_what_was_given_up(gibbs: WorkChainNode, tmp_path: Path) -> None:
    text = own_part(write_page(gibbs, tmp_path / "report.html").read_text())
    for expected in ("0.4000 ± 0.0020", "Fm-3m → Im-3m", "rescued", "overtaken", "G cannot come below 0.5"):
        assert expected in text
