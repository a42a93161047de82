"""Questions to the graph."""

from __future__ import annotations

from typing import Any

import pytest
from aiida.common.links import LinkType
from aiida.orm import CalcJobNode, WorkChainNode

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.data.potential import PotentialData
from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.report.queries import (
    ancestry,
    behind_free_energy,
    reduced,
    search_at,
    structures_of,
    trainings_of,
)
from aiida_anhcsp.report.ranking import ranking_rows


def test_ancestry_goes_back_to_structures_without_parents(whole: WorkChainNode) -> None:
    line = ancestry(search_at(whole), "g001-0000")
    assert [frame.info["id"] for frame in line] == ["g001-0000", "g000-0000", "g000-0001"]
    assert all("parents" not in frame.info for frame in line[1:])


def test_a_structure_that_was_never_made_is_named(whole: WorkChainNode) -> None:
    with pytest.raises(InputError, match="made no structure g009-0000"):
        ancestry(search_at(whole, 10.0), "g009-0000")
    with pytest.raises(InputError, match="no such search"):
        search_at(whole, 99.0)


def test_formulas_are_compared_by_their_smallest_numbers() -> None:
    assert reduced("H6S2") == reduced("SH3") == "H3S"
    with pytest.raises(InputError, match="FORMULA"):
        reduced("H3-?")


def test_structures_of_a_formula_below_an_enthalpy_are_found_in_all_searches(whole: WorkChainNode) -> None:
    found = structures_of("Cu4", 10.0, below=0.14)
    assert [known.frame.info["id"] for known in found] == ["g000-0000", "g000-0001"]
    assert structures_of("Cu", 20.0) == []
    assert structures_of("Au", 10.0) == []


def trained_from(start: PotentialData, dataset: PopulationData, computer: Any, number: int) -> PotentialData:
    """A potential that a training made."""
    job = CalcJobNode(computer=computer, process_type="aiida.calculations:anhcsp.train")
    job.set_option("resources", {"num_machines": 1, "num_mpiprocs_per_machine": 1})
    job.base.links.add_incoming(start, LinkType.INPUT_CALC, "potential")
    job.base.links.add_incoming(dataset, LinkType.INPUT_CALC, "dataset")
    job.store()
    made = PotentialData.from_callable("ase.calculators.emt:EMT", {"asap_cutoff": bool(number)})
    made.base.links.add_incoming(job, LinkType.CREATE, "potential")
    return made.store()


def test_trainings_lead_back_to_the_potential_that_was_imported(
    aiida_profile_clean: Any, aiida_localhost: Any, copper: PopulationData
) -> None:
    imported = PotentialData.from_callable("ase.calculators.emt:EMT", {}).store()
    copper.store()
    first = trained_from(imported, copper, aiida_localhost, 0)
    second = trained_from(first, copper, aiida_localhost, 1)
    trainings = trainings_of(second)
    assert [training.potential.uuid for training in trainings] == [second.uuid, first.uuid]
    assert trainings[-1].start is not None and trainings[-1].start.uuid == imported.uuid
    assert {training.dataset.uuid for training in trainings} == {copper.uuid}


def test_a_free_energy_names_its_nodes_and_the_hash_of_its_model(whole: WorkChainNode) -> None:
    row = ranking_rows(whole)[0]
    found = behind_free_energy(whole, row)
    assert found["sources"]["result"]["gibbs_free_energy"] == row["gibbs_free_energy"]
    assert found["sha256"] == whole.outputs.potential.base.attributes.get("sha256")
