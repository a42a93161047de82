"""Decisions of the search, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings

from .conftest import SEARCH

CHANGE = {"before": {"energy": 30.0, "force": 200.0}, "after": {"energy": 5.0, "force": 90.0}}


def relaxed_frames(generation: int, number: int = 3, failed: int = 0, lowest: float = 1.0) -> list[Atoms]:
    """Relaxed Cu-Au cells whose volumes tell them apart, and some that exploded."""
    frames = []
    for index in range(number + failed):
        atoms = bulk("Cu", "fcc", a=3.6 + 0.3 * index, cubic=True)
        atoms.symbols[:2] = "Au"
        atoms.info = {"id": f"g{generation:03d}-{index:04d}", "generation": generation, "operator": "random"}
        atoms.info |= {"pressure": 5.0, "status": "exploded", "reason": "too large"}
        if index < number:
            atoms.info |= {"status": "converged", "enthalpy": lowest + 0.1 * index, "steps": 5, "spacegroup": "Fm-3m"}
            del atoms.info["reason"]
        frames.append(atoms)
    return frames


def population(frames: list[Atoms]) -> Any:
    from aiida_anhcsp.data.population import PopulationData

    return PopulationData.from_frames(frames)


@pytest.fixture
def learning(search_inputs: dict[str, Any], learner: Any) -> dict[str, Any]:
    """Inputs of a search that learns from ASE labels."""
    from aiida.orm import Dict, Str

    return {
        **search_inputs,
        "potential": learner,
        "learning": {
            "settings": Dict({"number": 2, "distortions": 2, "replay": 1, "train": {"epochs": 1}}),
            "label_engine": Str("anhcsp.label.ase"),
            "label": {
                "code": search_inputs["code"],
                "potential": search_inputs["potential"],
                "max_concurrent": 1,
            },
        },
    }


@pytest.fixture
def search(generate_workchain: Callable, add_child: Callable) -> Callable:
    """A search in its generation 1, with a ranked generation 0 behind it."""

    def factory(inputs: dict[str, Any]) -> Any:
        from aiida_anhcsp.workflows.search import SearchWorkChain

        workchain = generate_workchain(SearchWorkChain, inputs)
        workchain.setup()
        add_child(workchain, "generation_000_judge", {"result": population(relaxed_frames(0))})
        ranked = population(rank(relaxed_frames(0), SearchSettings.parse(SEARCH))).store()
        workchain.ctx.generation, workchain.ctx.population = 1, ranked.pk
        return workchain

    return factory


def reports(workchain: Any) -> str:
    from aiida.orm import Log

    return "\n".join(log.message for log in Log.collection.get_logs_for(workchain.node))


def test_search_ends_after_its_generations(
    search: Callable, search_inputs: dict[str, Any], add_child: Callable
) -> None:
    workchain = search(search_inputs)
    add_child(workchain, "generation_001_judge", {"result": population(relaxed_frames(1))})
    assert workchain.should_evolve()
    assert workchain.ctx.generation == 2
    add_child(workchain, "generation_002_judge", {"result": population(relaxed_frames(2))})
    assert not workchain.should_evolve()


@pytest.mark.parametrize(("relaxed", "goes_on"), [(2, True), (0, False)])
def test_search_whose_survivors_are_old_goes_on_as_long_as_generations_relax(
    relaxed: int, goes_on: bool, search: Callable, learning: dict[str, Any], add_child: Callable
) -> None:
    from aiida.orm import Dict

    workchain = search({**learning, "settings": Dict({**SEARCH, "generations": 9})})
    for generation in (1, 2, 3):
        frames = relaxed_frames(generation, number=relaxed, failed=2)
        add_child(workchain, f"generation_{generation:03d}_judge", {"result": population(frames)})
    workchain.ctx.generation = 3
    assert workchain.should_evolve() == goes_on


def test_operators_of_a_search_that_learns_earn_by_all_they_have_made(
    search: Callable, learning: dict[str, Any], add_child: Callable
) -> None:
    from aiida.orm import Dict

    settings = {**SEARCH, "adaptation": 1.0}
    workchain = search({**learning, "settings": Dict(settings)})
    bred = relaxed_frames(1, number=1, failed=30)
    for frame in bred:
        frame.info["operator"] = "heredity"
    add_child(workchain, "generation_001_judge", {"result": population(bred)})
    workchain.ctx.population = population(rank(relaxed_frames(0), SearchSettings.parse(settings))).store().pk
    workchain.ctx.generation = 2
    made = workchain.make()["current"].inputs.settings
    assert made["adaptation"] == 0
    untried, failing = made["operators"]["strain"], made["operators"]["heredity"]
    assert failing < 0.3 * untried


def test_offspring_of_a_search_that_does_not_learn_depends_on_its_settings_alone(
    search: Callable, search_inputs: dict[str, Any]
) -> None:
    made = search(search_inputs).make()["current"].inputs.settings
    assert made["operators"] == SEARCH["operators"] and "adaptation" not in made.get_dict()


@pytest.mark.parametrize("candidates", [1, 4])
def test_new_structures_depend_on_the_potential_where_candidates_are_compared(
    candidates: int, search: Callable, search_inputs: dict[str, Any]
) -> None:
    from aiida.orm import Dict

    workchain = search({**search_inputs, "settings": Dict({**SEARCH, "candidates": candidates})})
    for generation in (1, 0):
        workchain.ctx.generation = generation
        inputs = workchain.make()["current"].inputs
        assert ("potential" in inputs) == (candidates == 4)
        if candidates == 4:
            assert inputs.potential.pk == workchain.ctx.potential


@pytest.mark.parametrize("modes", ["springs", "potential"])
def test_offspring_depends_on_the_potential_only_where_its_soft_modes_are_asked_for(
    modes: str, search: Callable, search_inputs: dict[str, Any]
) -> None:
    from aiida.orm import Dict

    workchain = search({**search_inputs, "settings": Dict({**SEARCH, "soft_modes": modes})})
    inputs = workchain.make()["current"].inputs
    assert ("potential" in inputs) == (modes == "potential")
    if modes == "potential":
        assert inputs.potential.pk == workchain.ctx.potential


def test_search_ends_when_generations_bring_nothing_better(
    search: Callable, search_inputs: dict[str, Any], add_child: Callable
) -> None:
    from aiida.orm import Dict

    stop = {"generations_without_better": 1}
    workchain = search({**search_inputs, "settings": Dict({**SEARCH, "generations": 9, "stop": stop})})
    add_child(workchain, "generation_001_judge", {"result": population(relaxed_frames(1))})
    assert not workchain.should_evolve()


def test_step_that_runs_again_finds_what_it_submitted(
    search: Callable, search_inputs: dict[str, Any], add_child: Callable
) -> None:
    workchain = search(search_inputs)
    child = add_child(workchain, "generation_001_vary", {"population": population(relaxed_frames(1))})
    assert workchain.make()["current"].pk == child.pk


def test_structures_that_fail_are_counted_and_the_search_goes_on(
    search: Callable, search_inputs: dict[str, Any], add_child: Callable
) -> None:
    workchain = search(search_inputs)
    relaxed = population(relaxed_frames(1, number=2, failed=2, lowest=0.5))
    add_child(workchain, "generation_001_relax", {"population": relaxed}, status=410, message="2 did not come back")
    assert workchain.rank() is None
    from aiida.orm import load_node

    ranked = load_node(workchain.ctx.population)
    assert ranked.count == 7
    assert ranked.get_frame("g001-0000").info["rank"] == 1
    assert "2 relaxed, 2 failed" in reports(workchain)
    assert "lowest enthalpy 0.5000 eV/atom" in reports(workchain)


def test_relaxation_without_structures_ends_the_search_with_what_there_is(
    search: Callable, search_inputs: dict[str, Any], add_child: Callable
) -> None:
    workchain = search(search_inputs)
    child = add_child(workchain, "generation_001_relax", {}, status=310, message="--potential: no file")
    exit_code = workchain.rank()
    assert exit_code.status == 403
    assert f"<{child.pk}>" in exit_code.message
    assert workchain.outputs["population"].count == 3


def test_search_in_which_everything_failed_ends_badly_with_what_there_is(
    search: Callable, search_inputs: dict[str, Any]
) -> None:
    workchain = search(search_inputs)
    workchain.ctx.population = population(relaxed_frames(0, number=0, failed=4)).store().pk
    exit_code = workchain.results()
    assert exit_code.status == 403 and "all 4 structures failed" in exit_code.message
    assert workchain.outputs["population"].count == 4 and "history" in workchain.outputs


def test_failed_labels_leave_the_old_potential(search: Callable, learning: dict[str, Any], add_child: Callable) -> None:
    workchain = search(learning)
    add_child(workchain, "generation_001_label", {}, status=401, message="None succeeded", job=False)
    assert workchain.finetune() is None
    assert workchain.refresh() is None
    assert workchain.rank_again() is None
    assert workchain.ctx.potential == learning["potential"].pk
    assert "the old potential stays" in reports(workchain)


def test_failed_training_keeps_the_labels_and_leaves_the_old_potential(
    search: Callable, learning: dict[str, Any], add_child: Callable
) -> None:
    workchain = search(learning)
    labelled = population(relaxed_frames(1))
    from aiida.orm import Dict, load_node

    report = Dict({"labelled": 3, "failed": {}})
    add_child(workchain, "generation_001_select_and_distort", {"result": population(relaxed_frames(1))})
    add_child(workchain, "generation_001_label", {"population": labelled, "report": report}, job=False)
    add_child(workchain, "generation_001_finetune", {}, status=410, message="diverges", job=False)
    workchain.finetune()
    assert workchain.refresh() is None
    assert load_node(workchain.ctx.dataset).count == labelled.count
    assert workchain.ctx.potential == learning["potential"].pk


def test_after_finetuning_the_survivors_are_relaxed_with_the_new_potential(
    search: Callable, learning: dict[str, Any], add_child: Callable
) -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.data.potential import PotentialData

    workchain = search(learning)
    new = PotentialData.from_callable("ase.calculators.emt:EMT", {"asap_cutoff": True}, elements={"Cu", "Au"})
    add_child(
        workchain,
        "generation_001_finetune",
        {"potential": new, "metrics": Dict({"by_round": {"1": CHANGE}})},
        job=False,
    )
    child = workchain.refresh()["current"]
    assert child.label == "generation_001_refresh"
    assert child.inputs.potential.pk == new.pk
    assert child.inputs.population.count == 3
    assert "energy 30.0 -> 5.0 meV/atom, force 200.0 -> 90.0 meV/angstrom" in reports(workchain)


def test_enthalpies_of_the_old_potential_do_not_compete_with_new_ones(
    search: Callable, learning: dict[str, Any], add_child: Callable
) -> None:
    from aiida.orm import load_node

    workchain = search(learning)
    add_child(workchain, "generation_001_refresh", {"population": population(relaxed_frames(0, number=2, lowest=2.0))})
    workchain.rank_again()
    ranked = load_node(workchain.ctx.population)
    assert ranked.count == 2
    assert ranked.base.attributes.get("lowest_enthalpy") == pytest.approx(2.0)


def test_graded_sampler_picks_at_random_while_there_is_nothing_to_grade_by(
    search: Callable, learning: dict[str, Any], add_child: Callable
) -> None:
    from aiida.orm import Dict

    learning["learning"]["settings"] = Dict({"number": 2, "distortions": 2, "sampler": "grade"})
    workchain = search(learning)
    add_child(workchain, "generation_001_judge", {"result": population(relaxed_frames(1))})
    assert workchain.grade() is None
    workchain.select_and_distort()
    assert "picked at random, nothing to judge by yet" in reports(workchain)
    assert "4 structures to label, picked by random" in reports(workchain)


def test_graded_sampler_labels_nothing_that_is_known(
    search: Callable, learning: dict[str, Any], add_child: Callable
) -> None:
    from aiida.orm import Dict

    learning["learning"]["settings"] = Dict({"number": 2, "distortions": 2, "sampler": "grade"})
    workchain = search(learning)
    known = relaxed_frames(1)
    for frame in known:
        frame.info["grade"] = 0.9
    add_child(workchain, "generation_001_judge", {"result": population(relaxed_frames(1))})
    add_child(workchain, "generation_001_grade", {"population": population(known)})
    workchain.select_and_distort()
    add_child(workchain, "generation_001_select_and_distort", {}, status=410, message="no structure is worth a label")
    assert workchain.label() is None and workchain.finetune() is None and workchain.refresh() is None
    assert "0 structures to label" in reports(workchain)


def test_search_waits_for_enough_unphysical_structures_before_it_learns(
    search: Callable, learning: dict[str, Any], add_child: Callable
) -> None:
    from aiida.orm import Dict

    learning["learning"]["settings"] = Dict({"unphysical_limit": 2})
    workchain = search(learning)
    frames = relaxed_frames(1, number=2, failed=2)
    for frame, status in zip(frames[2:], ("unphysical", "collapsed"), strict=True):
        frame.info["status"] = status
    add_child(workchain, "generation_001_judge", {"result": population(relaxed_frames(1))})
    assert not workchain.should_learn()
    workchain.ctx.population = population(rank(frames, SearchSettings.parse(SEARCH))).store().pk
    assert workchain.should_learn()


def test_committee_is_trained_with_different_seeds_and_grades_the_next_generation(
    search: Callable, learning: dict[str, Any], add_child: Callable, engine_code: Any
) -> None:
    from aiida.orm import Dict

    learning["learning"]["settings"] = Dict({"sampler": "committee", "committee": 3})
    workchain = search(learning)
    learner = learning["potential"]
    for name in ("finetune", "finetune_member_1", "finetune_member_2"):
        add_child(workchain, f"generation_000_{name}", {"potential": learner.clone()}, job=False)
    assert len(workchain.committee()) == 2
    add_child(workchain, "generation_001_judge", {"result": population(relaxed_frames(1))})
    child = workchain.grade()["current"]
    assert set(child.inputs.committee) == {"member_1", "member_2"}


@pytest.mark.parametrize(("error", "lowest", "enough"), [(5.1, 0, True), (9.0, 0, False), (5.1, 1, False)])
def test_search_learns_no_more_when_errors_and_order_stay(
    error: float, lowest: int, enough: bool, search: Callable, learning: dict[str, Any], add_child: Callable
) -> None:
    from aiida.orm import Dict

    learning["learning"]["settings"] = Dict({"convergence": {"rmse": 0.1, "lowest": 2}})
    workchain = search(learning)
    for generation, energy in ((0, 5.0), (1, error)):
        metrics = Dict({"after": {"test": {"energy": energy, "force": 80.0}}})
        add_child(workchain, f"generation_{generation:03d}_finetune", {"metrics": metrics}, job=False)
    frames = relaxed_frames(0)
    add_child(workchain, "generation_001_rank", {"result": population(rank(frames, SearchSettings.parse(SEARCH)))})
    frames[lowest].info["enthalpy"] -= 0.15
    add_child(
        workchain, "generation_001_rank_again", {"result": population(rank(frames, SearchSettings.parse(SEARCH)))}
    )
    workchain.judge_learning()
    assert workchain.ctx.learned == enough
    assert ("it has learned enough" in reports(workchain)) == enough


def test_context_holds_numbers_only(search: Callable, learning: dict[str, Any]) -> None:
    assert all(value is None or isinstance(value, int) for value in search(learning).ctx.values())


def test_inputs_of_the_label_work_chain_are_checked_before_anything_is_submitted(
    learning: dict[str, Any], generate_workchain: Callable
) -> None:
    from aiida_anhcsp.workflows.search import SearchWorkChain

    del learning["learning"]["label"]["code"]
    with pytest.raises(ValueError, match=r"learning\.label\.code: anhcsp\.label\.ase needs it"):
        generate_workchain(SearchWorkChain, learning)


def test_unknown_label_input_is_refused(learning: dict[str, Any], generate_workchain: Callable) -> None:
    from aiida_anhcsp.workflows.search import SearchWorkChain

    learning["learning"]["label"]["cuttoff"] = 500
    with pytest.raises(ValueError, match=r"learning\.label\.cuttoff: anhcsp\.label\.ase has no such input"):
        generate_workchain(SearchWorkChain, learning)


def test_entry_point_that_does_not_label_is_refused(learning: dict[str, Any], generate_workchain: Callable) -> None:
    from aiida.orm import Str

    from aiida_anhcsp.workflows.search import SearchWorkChain

    learning["learning"]["label_engine"] = Str("anhcsp.csp")
    with pytest.raises(ValueError, match="give an entry point such as"):
        generate_workchain(SearchWorkChain, learning)
