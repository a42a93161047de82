"""The joint training of the whole path, on the labels of the searches at all pressures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from aiida_anhcsp.engine.frames import with_labels

from .conftest import FINALISTS
from .test_csp import searched


@pytest.fixture
def learned(
    csp: Callable, search_inputs: dict[str, Any], add_child: Callable, learner: Any, copper_frames: list[Atoms]
) -> Callable:
    """The whole path after searches at two pressures that learned from four labels each."""
    from aiida.orm import Dict, List

    from aiida_anhcsp.data.population import PopulationData

    def factory(finetune: dict[str, Any]) -> Any:
        search = {**search_inputs, "potential": learner}
        workchain = csp(search=search, pressures=List([5.0, 12.5]), finetune=Dict(finetune))
        for name, pressure in (("search_p5", 5.0), ("search_p12_5", 12.5)):
            labelled = []
            for frame in copper_frames:
                squeezed = frame.copy()
                squeezed.set_cell(frame.cell * (1 - 0.001 * pressure), scale_atoms=True)
                labelled.append(with_labels(squeezed, 0.0, np.zeros((4, 3)), np.zeros(6), label_origin="ase"))
            dataset = PopulationData.from_frames(labelled)
            add_child(workchain, name, searched(learner, pressure, dataset=dataset), job=False)
        return workchain

    return factory


def test_labels_of_all_pressures_train_one_potential(learned: Callable, learner: Any) -> None:
    workchain = learned({"epochs": 5, "seed": 1})
    assert workchain.has_training()
    child = workchain.finetune()["current"]
    assert child.inputs.dataset.count == 8
    assert child.inputs.settings["epochs"] == 5 and child.inputs.settings["seed"] == 1
    assert child.inputs.potential.pk == learner.pk


def test_a_search_that_begins_with_nothing_has_a_joint_training_that_does(
    engine_code: Any, emt: Any, search_inputs: dict[str, Any], generate_workchain: Callable
) -> None:
    from aiida.orm import Dict, List, Str

    from aiida_anhcsp.workflows.csp import CspWorkChain

    new = 'mtp:new:{"level": 2}'
    learning = {
        "settings": Dict({"number": 2, "distortions": 1, "initial": 4, "new": new}),
        "label_engine": Str("anhcsp.label.ase"),
        "label": {"code": engine_code, "potential": emt},
    }
    search = {name: value for name, value in search_inputs.items() if name != "potential"}
    inputs = {
        "search": {**search, "learning": learning},
        "pressures": List([5.0]),
        "sscha": {"settings": Dict(FINALISTS)},
    }
    workchain = generate_workchain(CspWorkChain, inputs)
    assert workchain.start_of(0) == {"new": new}
    with pytest.raises(ValueError, match="give either potential, or learning"):
        generate_workchain(CspWorkChain, {**inputs, "search": search})


def test_a_step_cut_short_waits_for_the_training_it_had_submitted(learned: Callable, add_child: Callable) -> None:
    workchain = learned({"epochs": 5, "seed": 1})
    child = add_child(workchain, "finetune", {}, job=False)
    child.set_process_state("waiting")
    assert workchain.has_training()
    assert workchain.finetune()["current"].pk == child.pk


def test_second_stage_of_the_joint_training_goes_on_from_the_first(
    learned: Callable, add_child: Callable, learner: Any
) -> None:
    stages = [{"weights": {"force": 1.0, "stress": weight}} for weight in (1.0, 0.1)]
    workchain = learned({"epochs": 5, "seed": 1, "stages": stages})
    first = learner.clone()
    add_child(workchain, "finetune", {"potential": first}, job=False)
    assert workchain.has_training()
    child = workchain.finetune()["current"]
    assert child.label == "finetune_2" and child.inputs.potential.pk == first.pk
    assert child.inputs.settings["weights"]["stress"] == 0.1
    assert workchain.potential.pk == first.pk


@pytest.fixture
def learning(engine_code: Any, emt: Any, learner: Any, search_inputs: dict[str, Any]) -> Callable:
    """Inputs of a search that learns."""
    from aiida.orm import Dict, Str

    def factory(**settings: Any) -> dict[str, Any]:
        label = {"code": engine_code, "potential": emt}
        namespace = {"settings": Dict(settings), "label_engine": Str("anhcsp.label.ase"), "label": label}
        return {**search_inputs, "potential": learner, "learning": namespace}

    return factory


def test_joint_training_holds_out_what_the_searches_held_out(
    csp: Callable, learning: Callable, add_child: Callable, learner: Any, copper_frames: list[Atoms]
) -> None:
    """The parts of the searches' rounds, at both pressures, are those of every stage."""
    from aiida.orm import Dict, List

    from aiida_anhcsp.calculations.functions.labels import split_labels
    from aiida_anhcsp.data.population import PopulationData
    from aiida_anhcsp.engine.learning.dataset import split_by_family
    from aiida_anhcsp.engine.learning.settings import Split

    fractions = {"validation": 0.25, "test": 0.25}
    search = learning(train={"seed": 9, "split": {**fractions, "seed": 4}})
    stages = [{"seed": 1, "epochs": 5}, {"seed": 2, "epochs": 5}]
    workchain = csp(search=search, pressures=List([5.0, 12.5]), finetune=Dict({"split": fractions, "stages": stages}))
    for name, scale in (("search_p5", 0.99), ("search_p12_5", 0.97)):
        frames = []
        for frame in copper_frames:
            squeezed = frame.copy()
            squeezed.set_cell(frame.cell * scale, scale_atoms=True)
            frames.append(with_labels(squeezed, scale, np.zeros((4, 3)), np.zeros(6), label_origin="ase"))
        marked = split_labels(labelled=PopulationData.from_frames(frames), settings=Dict({**fractions, "seed": 4}))
        add_child(workchain, name, searched(learner, dataset=marked), job=False)
    for stage in range(2):
        child = workchain.finetune()["current"]
        settings = child.inputs.settings.get_dict()
        assert settings["seed"] == stages[stage]["seed"] and settings["split"]["seed"] == 4
        dataset = child.inputs.dataset.get_frames()
        found = split_by_family(dataset, Split(**fractions), settings["split"]["seed"])
        for part, indices in found.items():
            assert {dataset[index].info["split"] for index in indices} <= {f"4:{part}"}
        add_child(workchain, child.label, {"potential": learner.clone()}, job=False)


def test_joint_training_by_a_split_of_its_own_is_refused(csp: Callable, learning: Callable) -> None:
    from aiida.orm import Dict, List

    finetune = Dict({"seed": 1, "split": {"seed": 5}})
    with pytest.raises(ValueError, match=r"finetune: split.seed 5 is not that of the searches, 3"):
        csp(search=learning(), pressures=List([5.0, 12.5]), finetune=finetune)


def test_stage_of_the_joint_training_that_fails_is_the_last(learned: Callable, add_child: Callable) -> None:
    workchain = learned({"seed": 1, "stages": [{"epochs": 5}, {"epochs": 2}]})
    add_child(workchain, "finetune", {}, status=410, message="diverges", job=False)
    assert not workchain.has_training()


def test_several_pressures_that_learn_need_settings_of_the_joint_training() -> None:
    from aiida.orm import List

    from aiida_anhcsp.workflows.csp import validate_together

    problem = validate_together({"pressures": List([1.0, 2.0]), "search": {"learning": {}}}, None)
    assert problem is not None
    assert problem.startswith("finetune: ")
