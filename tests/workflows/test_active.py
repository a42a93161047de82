"""Decisions of the active learning, one step at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from aiida.orm import Dict, Str, StructureData
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_anhcsp.calculations.functions.active import as_old_knowledge
from aiida_anhcsp.calculations.functions.labels import split_labels
from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.learning.metrics import forgotten
from aiida_anhcsp.workflows.active import ActiveSschaWorkChain
from aiida_anhcsp.workflows.settings import ActiveSettings

SETTINGS = {"pressure": 10, "temperature": 0, "stages": ["2x2x2:20"], "seed": 1, "first": 4, "batch": 2}
HELD_OUT = {"before_held_out": {"energy": 2.0, "force": 50.0, "count": 7}}


def graded(grades: list[float]) -> PopulationData:
    frames = []
    for index, grade in enumerate(grades):
        atoms = bulk("Cu", cubic=True)
        atoms.info = {"id": f"a{index:04d}", "status": "ok", "grade": grade}
        frames.append(atoms)
    return PopulationData.from_frames(frames)


def labelled_copper(number: int) -> list[Atoms]:
    frames = []
    for index in range(number):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.05, seed=index)
        atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=atoms.positions)
        atoms.info = {"id": f"r{index // 20:02d}-{index:04d}", "round": 1 + index // 20, "operator": "sample"}
        frames.append(atoms)
    return frames


@pytest.fixture
def inputs(engine_code: Any, emt: Any) -> dict[str, Any]:
    return {
        "code": engine_code,
        "structure": StructureData(ase=bulk("Cu", cubic=True)),
        "settings": Dict(SETTINGS),
        "label_engine": Str("anhcsp.label.ase"),
        "label": {"code": engine_code, "potential": emt},
    }


@pytest.fixture
def active(generate_workchain: Callable, inputs: dict[str, Any]) -> Callable:
    """The work chain in its first round."""

    def factory(**changes: Any) -> Any:
        workchain = generate_workchain(ActiveSschaWorkChain, {**inputs, **changes})
        workchain.setup()
        assert workchain.should_learn()
        return workchain

    return factory


def test_without_a_library_all_distortions_are_labelled(active: Callable) -> None:
    workchain = active()
    assert workchain.sample() is None
    workchain.choose()
    assert workchain.ctx.rounds == [{"sampled": 4, "labelled": 0, "unknown": 4}]
    assert workchain.is_unknown() and not workchain.ctx.complete


def test_potential_of_the_library_that_knows_most_is_taken(
    active: Callable, learner: Any, copper: Any, add_child: Callable
) -> None:
    other = learner.clone()
    library = {"poor": {"potential": learner, "dataset": copper}, "good": {"potential": other, "dataset": copper}}
    workchain = active(library=library)
    add_child(workchain, "round_00_grade_poor", {"population": graded([3.0, 4.0, 1.0])})
    add_child(workchain, "round_00_grade_good", {"population": graded([1.0, 5.0, 1.0])})
    workchain.choose()
    assert workchain.ctx.member == "good" and workchain.ctx.potential == other.pk
    assert workchain.ctx.rounds[0]["unknown"] == 1 and not workchain.ctx.complete


def test_learning_ends_when_an_ensemble_adds_nothing(active: Callable, emt: Any, add_child: Callable) -> None:
    workchain = active()
    workchain.ctx.round, workchain.ctx.potential = 2, emt.store().pk
    add_child(workchain, "round_02_sample", {"audit": graded([0.5, 1.0])})
    add_child(workchain, "round_02_grade", {"population": graded([0.5, 1.0])})
    workchain.choose()
    assert workchain.ctx.complete and not workchain.is_unknown() and not workchain.should_learn()


def test_distortions_that_add_nothing_do_not_end_it(active: Callable, emt: Any, add_child: Callable) -> None:
    workchain = active()
    workchain.ctx.round, workchain.ctx.potential = 2, emt.store().pk
    add_child(workchain, "round_02_sample", {}, status=320, message="no minimum")
    add_child(workchain, "round_02_grade", {"population": graded([0.5, 1.0])})
    workchain.choose()
    assert not workchain.ctx.complete and workchain.should_learn()


def test_potential_that_forgets_is_given_up(active: Callable, emt: Any, copper: Any, add_child: Callable) -> None:
    workchain = active()
    copper.store()
    workchain.ctx.member, workchain.ctx.own, workchain.ctx.dataset = "old", copper.pk, copper.pk
    metrics = {"by_round": {"0": {**HELD_OUT, "after_held_out": {"energy": 2.1, "force": 90.0}}}}
    add_child(workchain, "round_00_train", {"potential": emt, "metrics": Dict(metrics)}, job=False)
    child = workchain.judge()["current"]
    assert workchain.ctx.fresh and "new" in child.inputs and "potential" not in child.inputs


def test_errors_that_add_up_over_the_rounds_are_seen(
    active: Callable, emt: Any, copper: Any, add_child: Callable
) -> None:
    workchain = active()
    workchain.ctx.member, workchain.ctx.own, workchain.ctx.dataset = "old", copper.store().pk, copper.pk
    errors = [50.0, 65.0, 74.0, 90.0]
    for number, (before, after) in enumerate(itertools.pairwise(errors)):
        held_out = {
            "before_held_out": {"energy": 2.0, "force": before, "count": 7},
            "after_held_out": {"energy": 2.0, "force": after, "count": 7},
        }
        metrics = Dict({"by_round": {"0": held_out}})
        workchain.ctx.round = number
        add_child(workchain, f"round_{number:02d}_train", {"potential": emt.clone(), "metrics": metrics}, job=False)
        outcome = workchain.judge()
        assert workchain.ctx.fresh == (number == 2), outcome


def test_small_change_of_what_was_known_is_no_reason_to_start_afresh() -> None:
    metrics = {"by_round": {"0": {**HELD_OUT, "after_held_out": {"energy": 2.9, "force": 70.0}}}}
    assert forgotten(metrics, metrics, 1.5) is None
    assert forgotten(metrics, metrics, 1.3) == "energy 2.0 -> 2.9 meV/atom on 7 held-out structures"
    assert forgotten({"by_round": {}}, {"by_round": {}}, 1.5) is None


def test_automatic_supercells_need_the_range_of_what_is_in_the_library(
    active: Callable, learner: Any, copper: Any
) -> None:
    library = {"old": {"potential": learner.store(), "dataset": copper.store()}}
    settings = Dict({**SETTINGS, "stages": ["auto:20"], "sample": "2x2x2:20"})
    with pytest.raises(ValueError, match=r"auto:20 needs a potential of known range; .* leave library.old out"):
        active(settings=settings, library=library)


def test_labels_of_the_library_with_other_settings_are_not_mixed(active: Callable, add_child: Callable) -> None:
    workchain = active()
    frames = graded([1.0]).get_frames()
    nodes = []
    for settings in ("a", "b"):
        frames[0].info |= {"label_origin": "ase", "label_settings": settings}
        frames[0].calc = SinglePointCalculator(frames[0], energy=1.0, forces=frames[0].positions)
        nodes.append(PopulationData.from_frames(frames).store())
    workchain.ctx.member, workchain.ctx.dataset = "old", nodes[0].pk
    add_child(workchain, "round_00_label", {"population": nodes[1]}, job=False)
    assert workchain.train().status == 401


def test_what_was_held_out_once_is_held_out_in_every_later_training() -> None:
    frames = labelled_copper(40)
    keys = {"validation": 0.0, "test": 0.25, "seed": 7}
    first = split_labels(labelled=PopulationData.from_frames(frames[:20]), settings=Dict(keys))
    both = split_labels(labelled=PopulationData.from_frames(frames[20:]), settings=Dict(keys), earlier=first)
    dataset = PopulationData.from_frames([*first.get_frames(), *both.get_frames()])
    library = as_old_knowledge(dataset=dataset, settings=Dict(keys))
    marks = [frame.info["split"] for frame in dataset.get_frames()]
    assert marks.count("7:test") == 10
    assert [frame.info["split"] for frame in library.get_frames()] == marks
    assert {frame.info["round"] for frame in library.get_frames()} == {0}


def test_training_set_without_marks_is_dealt_out_beside_what_is_marked() -> None:
    keys = {"validation": 0.0, "test": 0.25, "seed": 7}
    frames = labelled_copper(20)
    frames[3].info["split"] = "7:test"
    frames[4].info["split"] = "8:test"
    library = as_old_knowledge(dataset=PopulationData.from_frames(frames), settings=Dict(keys)).get_frames()
    marks = [frame.info["split"] for frame in library]
    assert marks[3] == "7:test" and marks.count("7:test") == 5 and marks.count("7:train") == 15


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"library": {"old": {}}}, "library.old.potential: missing"),
        ({"settings": {**SETTINGS, "sample": "2x2x2"}}, "sample"),
        ({"settings": {**SETTINGS, "threshold": 0.5}}, "threshold"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(active: Callable, change: dict[str, Any], sentence: str) -> None:
    nodes = {name: Dict(value) if name == "settings" else value for name, value in change.items()}
    with pytest.raises(ValueError, match=sentence):
        active(**nodes)


def test_a_library_of_what_cannot_be_trained_is_refused(active: Callable, emt: Any, copper: Any) -> None:
    with pytest.raises(ValueError, match=r"library.old.potential: a potential of kind ase cannot be trained"):
        active(library={"old": {"potential": emt, "dataset": copper}})


def test_ensembles_are_sampled_at_the_first_stage_unless_another_is_named() -> None:
    assert str(ActiveSettings.parse(SETTINGS).sampled) == "2x2x2:20"
    assert str(ActiveSettings.parse({**SETTINGS, "sample": "1x1x1:50"}).sampled) == "1x1x1:50"
    assert set(ActiveSettings.parse(SETTINGS).sscha()) >= {"pressure", "temperature", "stages", "seed"}


@pytest.mark.parametrize(
    ("cell", "sample", "problem"),
    [
        (bulk("Cu", cubic=True), "1x1x1:30", "settings.sample: a single atom has no vibrations in 1x1x1"),
        (bulk("Cu"), "2x1x1:30", "settings.sample: the supercell 2x1x1 breaks the crystal's point group"),
        (bulk("Cu").repeat((1, 1, 2)) + bulk("Cu"), "2x2x2:30", "structure: atoms 0 and 2 overlap"),
    ],
)
def test_structure_that_cannot_be_sampled_is_refused_before_anything_runs(
    inputs: dict[str, Any], generate_workchain: Callable, cell: Any, sample: str, problem: str
) -> None:
    changes = {"structure": StructureData(ase=cell), "settings": Dict({**SETTINGS, "sample": sample})}
    with pytest.raises(ValueError, match=problem):
        generate_workchain(ActiveSschaWorkChain, {**inputs, **changes})
