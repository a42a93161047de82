"""What a search learns, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiida.orm import Dict, Log, load_node
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.frames import with_labels
from aiida_anhcsp.engine.learning.dataset import family_of, split_by_family
from aiida_anhcsp.engine.learning.settings import TrainSettings
from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.workflows.search import SearchWorkChain

from .conftest import SEARCH


def cells(generation: int, number: int = 3, status: str = "converged") -> list[Atoms]:
    """Cu-Au cells whose volumes tell them apart, relaxed or not."""
    frames = []
    for index in range(number):
        atoms = bulk("Cu", "fcc", a=3.6 + 0.1 * index, cubic=True)
        atoms.symbols[:2] = "Au"
        atoms.info = {"id": f"g{generation:03d}-{index:04d}", "generation": generation, "status": status}
        if status == "converged":
            atoms.info |= {"enthalpy": 1.0 + 0.1 * index, "steps": 5, "pressure": 5.0}
        frames.append(atoms)
    return frames


def labels(generation: int, families: int = 10, settings: str = "a") -> PopulationData:
    """Two labelled distortions of each of some structures of a generation."""
    frames = []
    for number, parent in enumerate(cells(generation, families)):
        for copy in range(2):
            frame = with_labels(parent, float(number), np.zeros((4, 3)), np.zeros(6))
            frame.info = {"id": f"{parent.info['id']}-d{copy:02d}", "parents": parent.info["id"], "round": generation}
            frame.info |= {"operator": "distort", "label_origin": "ase", "label_settings": settings}
            frames.append(frame)
    return PopulationData.from_frames(frames)


@pytest.fixture
def search(generate_workchain: Callable, search_inputs: dict[str, Any], learner: Any) -> Callable:
    """A search that learns from ASE labels, in its generation 0, with a ranked population."""

    def factory(settings: dict[str, Any] | None = None, **learning: Any) -> Any:
        namespace = {
            "settings": Dict({"number": 2, "distortions": 2, "replay": 6, **(settings or {})}),
            "label_engine": "anhcsp.label.ase",
            "label": {"code": search_inputs["code"], "potential": search_inputs["potential"], "max_concurrent": 1},
            **learning,
        }
        workchain = generate_workchain(SearchWorkChain, {**search_inputs, "potential": learner, "learning": namespace})
        workchain.setup()
        ranked = PopulationData.from_frames(rank(cells(0), SearchSettings.parse(SEARCH))).store()
        workchain.ctx.generation, workchain.ctx.population = 0, ranked.pk
        return workchain

    return factory


@pytest.fixture
def learn(add_child: Callable) -> Callable:
    """Let a search learn from labels in a generation; returns the training it submits."""

    def factory(workchain: Any, generation: int, population: PopulationData, **label: Any) -> Any:
        workchain.ctx.generation = generation
        name = f"generation_{generation:03d}"
        add_child(workchain, f"{name}_select_and_distort", {"result": PopulationData.from_frames(cells(generation))})
        add_child(workchain, f"{name}_label", {"population": population}, job=False, **label)
        outcome = workchain.finetune()
        return outcome["training_0"] if isinstance(outcome, dict) else outcome

    return factory


@pytest.fixture
def finish(add_child: Callable) -> Callable:
    """Let the training of a generation look as if it had ended; what a step submits by hand is no child."""

    def factory(workchain: Any, status: int = 0, potential: Any = None) -> None:
        name = f"generation_{workchain.ctx.generation:03d}"
        outputs = {} if potential is None else {"potential": potential, "metrics": Dict({})}
        add_child(workchain, f"{name}_dataset", {"result": load_node(workchain.ctx.dataset)}, job=False)
        add_child(workchain, f"{name}_finetune", outputs, status=status, job=False)

    return factory


def split_of(training: Any) -> dict[str, set[str]]:
    """Families by the part of the split that a training puts them in."""
    frames, settings = training.inputs.dataset.get_frames(), TrainSettings.parse(training.inputs.settings.get_dict())
    families = family_of(frames)
    parts = split_by_family(frames, settings.split, settings.split_seed)
    return {name: {families[index] for index in indices} for name, indices in parts.items()}


def test_what_was_tested_on_is_never_trained_on_later_nor_the_reverse(
    search: Callable, learn: Callable, finish: Callable
) -> None:
    workchain, parts = search(), []
    for generation in range(4):
        training = learn(workchain, generation, labels(generation))
        parts.append(split_of(training))
        finish(workchain)
    assert all(part["test"] for part in parts)
    for former in parts[:-1]:
        for later in parts[1:]:
            assert not former["test"] & later["train"] and not former["train"] & later["test"]
    assert load_node(workchain.ctx.dataset).count == 80


def test_rounds_of_a_dataset_from_elsewhere_are_none_of_this_search(search: Callable, learn: Callable) -> None:
    training = learn(search(dataset=labels(0, settings="a")), 0, labels(0, settings="a"))
    frames = training.inputs.dataset.get_frames()
    assert [frame.info["round"] for frame in frames if "round" in frame.info] == [0] * 20
    assert len({frame.info["id"] for frame in frames}) == len(frames) == 26


def test_labels_of_other_settings_end_the_search_after_the_first(
    search: Callable, learn: Callable, add_child: Callable
) -> None:
    workchain = search(dataset=labels(0, settings="a"))
    outcome = learn(workchain, 0, labels(0, settings="b"))
    assert outcome.status == 406 and "Mock" in outcome.message
    assert workchain.outputs["population"].count == 3


def test_dataset_that_does_not_name_its_settings_is_refused_before_anything_runs(search: Callable) -> None:
    frames = labels(0).get_frames()
    for frame in frames:
        del frame.info["label_settings"]
    with pytest.raises(ValueError, match=r"learning\.dataset: does not say .*--label-settings"):
        search(dataset=PopulationData.from_frames(frames))
    with pytest.raises(ValueError, match=r"learning\.dataset: .*different settings"):
        search(dataset=PopulationData.from_frames([*frames, *labels(0).get_frames()]))


def test_labels_of_a_work_chain_that_failed_too_often_are_learned(search: Callable, learn: Callable) -> None:
    workchain = search()
    training = learn(workchain, 0, labels(0), status=402, message="6 of 10 structures failed")
    assert training.inputs.dataset.count == load_node(workchain.ctx.dataset).count == 20


@pytest.mark.parametrize("stated", [{}, {"pressure": 7.0}])
def test_low_labels_are_low_at_the_pressure_of_the_search(search: Callable, learn: Callable, stated: dict) -> None:
    workchain = search({"train": {"focus": {"height": 0.2, **stated}}})
    settings = learn(workchain, 0, labels(0)).inputs.settings.get_dict()
    assert settings["focus"] == {"height": 0.2, "pressure": SEARCH["pressure"], **stated}


def test_labels_of_a_failed_training_are_not_known_and_are_learned_in_the_next(
    search: Callable, learn: Callable, finish: Callable
) -> None:
    workchain = search()
    learn(workchain, 0, labels(0))
    finish(workchain)
    learn(workchain, 1, labels(1))
    finish(workchain, status=410)
    assert workchain.known(2).count == 20
    training = learn(workchain, 2, labels(2))
    assert training.inputs.dataset.count == 6 + 20 + 20
    finish(workchain)
    assert workchain.known(3).count == load_node(workchain.ctx.dataset).count == 60


def test_convergence_is_seen_although_a_generation_in_between_learned_nothing(
    search: Callable, add_child: Callable
) -> None:
    workchain = search({"convergence": {"rmse": 0.1, "lowest": 2}})
    workchain.ctx.generation = 3
    for generation, status in ((0, 0), (2, 410), (3, 0)):
        outputs = {} if status else {"metrics": Dict({"after": {"test": {"energy": 5.0, "force": 80.0}}})}
        add_child(workchain, f"generation_{generation:03d}_finetune", outputs, status=status, job=False)
    for step in ("rank", "rank_again"):
        ranked = PopulationData.from_frames(rank(cells(0), SearchSettings.parse(SEARCH)))
        add_child(workchain, f"generation_003_{step}", {"result": ranked})
    workchain.judge_learning()
    assert workchain.ctx.learned


@pytest.mark.parametrize(("unphysical", "status", "learns"), [(5, "collapsed", True), (0, "collapsed", False)])
def test_generation_that_collapsed_teaches_its_unphysical_structures(
    search: Callable, add_child: Callable, unphysical: int, status: str, learns: bool
) -> None:
    workchain = search({"unphysical": unphysical})
    collapsed = PopulationData.from_frames(cells(0, status=status))
    add_child(workchain, "generation_000_judge", {"result": collapsed})
    assert workchain.should_learn() == learns


def test_after_a_generation_that_collapsed_nothing_is_relaxed_again(
    search: Callable, emt: Any, add_child: Callable
) -> None:
    workchain = search()
    workchain.ctx.population = PopulationData.from_frames(cells(0, status="collapsed")).store().pk
    outputs = {"potential": emt.clone(), "metrics": Dict({"by_round": {}})}
    add_child(workchain, "generation_000_finetune", outputs, job=False)
    assert workchain.refresh() is None and workchain.ctx.potential == outputs["potential"].pk


def test_ghost_of_the_new_potential_is_set_aside_before_it_is_ranked(search: Callable, add_child: Callable) -> None:
    workchain = search()
    again = cells(0, number=8)
    again[5].info["enthalpy"] = -30.0
    add_child(workchain, "generation_000_refresh", {"population": PopulationData.from_frames(again)}, job=False)
    workchain.rank_again()
    ranked = load_node(workchain.ctx.population).get_frames()
    assert ranked[5].info["status"] == "unphysical" and "rank" not in ranked[5].info
    assert ranked[0].info["rank"] == 1


@pytest.mark.parametrize(("relaxed", "kept"), [(0, False), (1, False), (2, True)])
def test_potential_that_relaxes_almost_nothing_is_given_up_and_its_labels_are_learned_again(
    relaxed: int, kept: bool, search: Callable, learn: Callable, finish: Callable, add_child: Callable, learner: Any
) -> None:
    """A relaxation in which all fail exits with 420, and has a population all the same."""
    workchain = search({"survivors": 20})
    old, population = workchain.ctx.potential, workchain.ctx.population
    learn(workchain, 0, labels(0))
    finish(workchain, potential=learner.clone())
    assert workchain.refresh() is not None and workchain.ctx.potential != old
    again = [*cells(0, relaxed), *cells(9, 20 - relaxed, status="exploded")]
    outputs = {"population": PopulationData.from_frames(again)}
    add_child(workchain, "generation_000_refresh", outputs, status=420, message="20 exploded", job=False)
    workchain.rank_again()
    assert (workchain.ctx.potential != old) == (workchain.ctx.population != population) == kept
    told = "\n".join(log.message for log in Log.collection.get_logs_for(workchain.node))
    assert (f"potential and its structures stay: the new one relaxed {relaxed} of 20 survivors" in told) != kept
    if kept:
        add_child(workchain, "generation_000_rank_again", {"result": load_node(workchain.ctx.population)}, job=False)
    training = learn(workchain, 1, labels(1))
    assert training.inputs.potential.pk == workchain.ctx.potential
    assert training.inputs.dataset.count == (6 + 20 if kept else 40)


def test_survivors_whose_relaxation_broke_down_keep_the_potential_of_their_enthalpies(
    search: Callable, add_child: Callable, emt: Any
) -> None:
    workchain = search()
    before = dict(workchain.ctx)
    add_child(workchain, "generation_000_finetune", {"potential": emt.clone(), "metrics": Dict({})}, job=False)
    workchain.refresh()
    add_child(workchain, "generation_000_refresh", {}, status=401, message="no machine", job=False)
    workchain.rank_again()
    assert {name: workchain.ctx[name] for name in ("potential", "population")}.items() <= before.items()
