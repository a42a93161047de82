"""Questions on the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiida.common.links import LinkType
from aiida.orm import Dict, WorkChainNode
from ase.build import bulk

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.data.potential import PotentialData
from aiida_anhcsp.engine.search.rank import rank

from ..report.conftest import call, generation
from ..report.test_queries import trained_from


@pytest.fixture
def winner(program: Callable, aiida_localhost: Any) -> WorkChainNode:
    """An ended search that learned and was won by a symmetrised copy of the first of two random structures."""
    search = WorkChainNode(process_type="aiida.workflows:anhcsp.search")
    keys = {"formula": "Cu", "pressure": 10, "population": 2, "generations": 1, "seed": 1, "symmetrise": 1}
    search.base.links.add_incoming(Dict(keys).store(), LinkType.INPUT_WORK, "settings")
    search.store()
    made = generation(0, [0.1, 0.2]).get_frames()
    copy = made[0].copy()
    copy.info |= {"id": "g000-0000-s1", "operator": "symmetrise", "parents": "g000-0000", "enthalpy": 0.05}
    for step, frames in (("relax", made), ("symmetrised", [copy])):
        node = WorkChainNode(process_type="aiida.workflows:anhcsp.relax")
        call(search, node, f"generation_000_{step}", {"population": PopulationData.from_frames(frames)})
    population = PopulationData.from_frames(rank([copy, *made])).store()
    imported = PotentialData.from_callable("ase.calculators.emt:EMT", {}).store()
    potential = trained_from(imported, population, aiida_localhost, 1)
    for name, data in (("population", population), ("potential", potential)):
        data.base.links.add_incoming(search, LinkType.RETURN, name)
    return search


def test_ancestry_of_a_symmetrised_winner_goes_back_to_a_random_structure(
    program: Callable, winner: WorkChainNode
) -> None:
    lines = program("query", "ancestry", winner.pk, "g000-0000-s1").output.splitlines()[2:]
    assert [line.split()[:2] for line in lines] == [["g000-0000-s1", "symmetrise"], ["g000-0000", "random"]]
    assert "0.0500" in lines[0]


def test_ancestry_of_a_structure_that_was_never_made_says_so(program: Callable, winner: WorkChainNode) -> None:
    result = program("query", "ancestry", winner.pk, "g009-0000")
    assert result.exit_code == 2
    assert "made no structure g009-0000" in result.output


def test_behind_an_energy_are_its_node_its_model_and_the_labels_it_learned_from(
    program: Callable, winner: WorkChainNode
) -> None:
    output = program("query", "behind", winner.pk, "g000-0001").output
    potential: PotentialData = winner.outputs.potential
    assert potential.creator is not None
    for expected in (
        winner.outputs.population.uuid,
        potential.uuid,
        f"trained by   {potential.creator.uuid} on 0 labels of {winner.outputs.population.uuid}",
        f"imported as  {potential.creator.inputs.potential.uuid}",
    ):
        assert expected in output


def test_behind_a_structure_that_is_not_ranked_is_nothing(program: Callable, winner: WorkChainNode) -> None:
    result = program("query", "behind", winner.pk, "g009-0000")
    assert result.exit_code == 2
    assert "has no g009-0000" in result.output


def test_structures_of_a_formula_are_listed_lowest_first(program: Callable) -> None:
    frames = []
    for index, enthalpy in enumerate((0.2, 0.1)):
        frame = bulk("Cu")
        frame.info = {"id": f"g000-{index:04d}", "pressure": 5.0, "status": "converged", "enthalpy": enthalpy}
        frames.append(frame)
    search = WorkChainNode(process_type="aiida.workflows:anhcsp.search").store()
    population = PopulationData.from_frames(frames).store()
    population.base.links.add_incoming(search, LinkType.RETURN, "population")
    lines = program("query", "structures", "Cu", "--pressure", "5").output.splitlines()
    assert [line.split()[1] for line in lines[2:]] == ["g000-0001", "g000-0000"]
    assert len(program("query", "structures", "Cu", "--pressure", "5", "--below", "0.15").output.splitlines()) == 3


def test_a_formula_that_is_none_is_named(program: Callable) -> None:
    result = program("query", "structures", "H3?", "--pressure", "5")
    assert result.exit_code == 2
    assert result.output.startswith("Error: FORMULA: 'H3?'")


def test_what_changed_between_two_runs_stands_side_by_side(program: Callable, winner: WorkChainNode) -> None:
    header, _, *lines = program("query", "changed", winner.pk, winner.pk).output.splitlines()
    assert f"rank, {winner.pk}" in header
    assert [line.split()[:5] for line in lines] == [
        ["Cu", name, name, place, place]
        for place, name in (("1", "g000-0000-s1"), ("2", "g000-0000"), ("3", "g000-0001"))
    ]


def test_a_run_without_structures_cannot_be_compared(program: Callable, winner: WorkChainNode) -> None:
    other = WorkChainNode(process_type="aiida.workflows:anhcsp.search").store()
    result = program("query", "changed", winner.pk, other.pk)
    assert result.exit_code == 2
    assert f"run {other.pk} has no structures" in result.output


def test_structures_of_an_element_that_does_not_exist_are_no_empty_table(program: Callable) -> None:
    result = program("query", "structures", "Xx", "--pressure", "0")
    assert result.exit_code == 2
    assert result.output.strip() == "Error: FORMULA: no element 'Xx' in 'Xx'; use chemical symbols as in H3S"
