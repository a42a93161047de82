"""The ranking of a run on the command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiida.common.links import LinkType
from aiida.orm import WorkChainNode
from ase.build import bulk

from aiida_anhcsp.data.population import PopulationData


@pytest.fixture
def search(program: Callable) -> Any:
    """A finished search with two distinct structures and a duplicate."""
    frames = []
    for index, enthalpy in enumerate((0.2, 0.1, 0.1004)):
        frame = bulk("Cu", a=3.6 + 0.01 * index)
        frame.info = {"id": f"g000-{index:04d}", "enthalpy": enthalpy, "status": "converged", "spacegroup": "Fm-3m"}
        frames.append(frame)
    frames[0].info["rank"], frames[1].info["rank"] = 2, 1
    frames[2].info["duplicate_of"] = "g000-0001"
    population = PopulationData.from_frames(frames).store()
    node = WorkChainNode(process_type="aiida.workflows:anhcsp.search").store()
    population.base.links.add_incoming(node, LinkType.RETURN, "population")
    return node


def test_distinct_structures_are_listed_lowest_first(program: Callable, search: Any) -> None:
    lines = program("ranking", search.pk).output.splitlines()[2:]
    assert [line.split()[1] for line in lines] == ["g000-0001", "g000-0000"]
    assert "100.0" in lines[1]


def test_json_and_csv_hold_the_same_rows(program: Callable, search: Any) -> None:
    as_json = json.loads(program("ranking", search.pk, "--json").output)
    as_csv = list(csv.DictReader(io.StringIO(program("ranking", search.pk, "--csv").output)))
    assert [row["id"] for row in as_json] == [row["id"] for row in as_csv] == ["g000-0001", "g000-0000"]
    assert [row["enthalpy"] for row in as_json] == [float(row["enthalpy"]) for row in as_csv]


def test_a_run_without_result_says_so(program: Callable) -> None:
    node = WorkChainNode(process_type="aiida.workflows:anhcsp.search").store()
    result = program("ranking", node.pk)
    assert result.exit_code == 2
    assert "has no ranking yet" in result.output
