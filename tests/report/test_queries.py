"""Questions to the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiida.common.links import LinkType
from aiida.orm import CalcJobNode, ProcessNode, WorkChainNode
from ase import Atoms

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.data.potential import PotentialData
from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.search.seeds import with_seeds
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.report.queries import (
    ancestry,
    behind_free_energy,
    changed_between,
    reduced,
    search_at,
    structures_of,
    trainings_of,
)
from aiida_anhcsp.report.ranking import ranking_rows

from .conftest import call, generation


def test_ancestry_goes_back_to_structures_without_parents(whole: WorkChainNode) -> None:
    line = ancestry(search_at(whole), "g001-0000")
    assert [known.frame.info["id"] for known in line] == ["g001-0000", "g000-0000", "g000-0001"]
    assert all("parents" not in known.frame.info for known in line[1:])


def test_ancestry_of_a_symmetrised_copy_begins_with_its_parent(whole: WorkChainNode, job: Callable) -> None:
    search = search_at(whole)
    copy = whole.outputs.population.get_frame("g000-0000")
    copy.info |= {"id": "g001-0000-s1", "operator": "symmetrise", "parents": "g001-0000"}
    call(search, job("anhcsp.relax"), "generation_001_symmetrised", {"population": PopulationData.from_frames([copy])})
    line = ancestry(search, "g001-0000-s1")
    assert [known.frame.info["id"] for known in line] == ["g001-0000-s1", "g001-0000", "g000-0000", "g000-0001"]


def test_ancestry_of_a_seed_goes_on_in_the_run_it_comes_from(whole: WorkChainNode, job: Callable) -> None:
    """Both searches have a g000-0000."""
    earlier = search_at(whole)
    seeds = PopulationData.from_frames(generation_of(earlier, 1).get_frames())
    call(whole, job("anhcsp.relax"), "rank_p10", {"seeds": seeds})
    later = WorkChainNode(process_type="aiida.workflows:anhcsp.search")
    later.base.links.add_incoming(earlier.inputs.settings, LinkType.INPUT_WORK, "settings")
    later.base.links.add_incoming(seeds, LinkType.INPUT_WORK, "seeds")
    later.store()
    settings = SearchSettings.parse({**earlier.inputs.settings.get_dict(), "population": 1})
    frames = with_seeds([], seeds.get_frames(), settings)
    call(later, job("anhcsp.relax"), "generation_000_relax", {"population": PopulationData.from_frames(frames)})
    line = [(known.search.pk, known.frame.info["id"]) for known in ancestry(later, "g000-0000")]
    ancestors = [(earlier.pk, name) for name in ("g001-0000", "g000-0000", "g000-0001")]
    assert line == [(later.pk, "g000-0000"), *ancestors]


def generation_of(search: ProcessNode, number: int) -> PopulationData:
    (node,) = (child for child in search.called if child.label == f"generation_{number:03d}_relax")
    return node.outputs.population


def test_a_search_that_names_no_pressure_is_at_zero(compositions: WorkChainNode) -> None:
    assert search_at(compositions, 0.0).pk == compositions.pk


def test_a_free_energy_of_a_phase_diagram_rests_on_the_potential_that_went_in(diagram: WorkChainNode) -> None:
    row = ranking_rows(diagram)[0]
    found = behind_free_energy(diagram, row)
    assert found["potential"].uuid == diagram.inputs.potential.uuid
    assert found["sources"]["result"]["gibbs_free_energy"] == row["gibbs_free_energy"]


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


def relaxation(start: PopulationData, enthalpies: list[float]) -> WorkChainNode:
    """A relaxation of these structures that gave them these enthalpies; one that is not finite has failed."""
    node = WorkChainNode(process_type="aiida.workflows:anhcsp.relax")
    node.base.links.add_incoming(start, LinkType.INPUT_WORK, "population")
    node.store()
    relaxed = generation(0, enthalpies).get_frames()
    for frame in relaxed:
        frame.info.pop("rank", None)
    population = PopulationData.from_frames(relaxed).store()
    population.base.links.add_incoming(node, LinkType.RETURN, "population")
    return node


def test_two_relaxations_of_one_population_are_compared_by_structure(aiida_profile_clean: Any) -> None:
    start = generation(0, [0.0, 0.0, 0.0]).store()
    first, second = relaxation(start, [0.1, 0.2, 0.3]), relaxation(start, [0.2, 0.1, float("inf")])
    pairs = [(pair.before, pair.after) for pair in changed_between(first, second)]
    assert all(old is not None and new is not None and old.info["id"] == new.info["id"] for old, new in pairs)
    assert [new.info.get("rank") for _, new in pairs if new is not None] == [2, 1, None]


def run_with(frames: list[Atoms]) -> WorkChainNode:
    """A search that ended with these structures, lowest first."""
    copies = [frame.copy() for frame in frames]
    for place, frame in enumerate(copies, start=1):
        frame.info |= {"rank": place, "status": "converged", "enthalpy": 0.1 * place, "id": f"g000-{place:04d}"}
    node = WorkChainNode(process_type="aiida.workflows:anhcsp.search").store()
    population = PopulationData.from_frames(copies).store()
    population.base.links.add_incoming(node, LinkType.RETURN, "population")
    return node


def test_two_searches_are_compared_by_crystal_whatever_its_volume(
    aiida_profile_clean: Any, crystals: list[Atoms]
) -> None:
    fcc, bcc, cubic, _ = crystals
    wide = fcc.copy()
    wide.set_cell(1.05 * fcc.cell, scale_atoms=True)
    pairs = changed_between(run_with([fcc, bcc]), run_with([cubic, wide]))
    ids = [[None if frame is None else frame.info["id"] for frame in (pair.before, pair.after)] for pair in pairs]
    assert ids == [["g000-0001", "g000-0002"], ["g000-0002", None], [None, "g000-0001"]]


def test_the_same_run_twice_has_not_changed(aiida_profile_clean: Any, crystals: list[Atoms]) -> None:
    run = run_with(crystals[:3])
    for pair in changed_between(run, run):
        assert pair.before is not None and pair.after is not None
        assert pair.before.info["id"] == pair.after.info["id"]
