"""Resources of the jobs of a run, each step's own where it has them."""

from __future__ import annotations

from typing import Any


def test_trainings_have_resources_of_their_own_and_the_rest_of_the_search(
    engine_code: Any, emt: Any, learner: Any
) -> None:
    from aiida.engine.utils import instantiate_process
    from aiida.manage import get_manager
    from aiida.orm import Dict

    from aiida_anhcsp.calculations.relax import RelaxCalculation
    from aiida_anhcsp.workflows.finetune import training_inputs
    from aiida_anhcsp.workflows.ports import engine_inputs
    from aiida_anhcsp.workflows.search import SearchWorkChain

    settings = {"formula": "CuAu", "pressure": 5, "population": 4, "generations": 1, "seed": 1}
    learning: dict[str, Any] = {
        "label_engine": "anhcsp.label.ase",
        "label": {"code": engine_code, "potential": emt},
        "options": Dict({"queue_name": "gpu"}),
        "runtime": {"device": "cuda"},
    }
    inputs = {"code": engine_code, "potential": learner, "settings": Dict(settings)}
    inputs |= {"options": Dict({"queue_name": "cpu"}), "runtime": {"threads": 2}, "learning": learning}
    search = instantiate_process(get_manager().get_runner(), SearchWorkChain, **inputs)
    relaxation, training = engine_inputs(search.inputs, RelaxCalculation), training_inputs(search.inputs)
    assert relaxation["metadata"]["options"] == {"queue_name": "cpu"}
    assert (relaxation["runtime"]["device"], relaxation["runtime"]["threads"]) == ("cpu", 2)
    assert training["options"].get_dict() == {"queue_name": "gpu"}
    assert (training["runtime"]["device"], training["runtime"]["threads"]) == ("cuda", 1)
    assert training["code"].uuid == engine_code.uuid


def test_processes_share_evaluations_and_not_the_batches_of_a_training(engine_code: Any) -> None:
    from aiida_anhcsp.calculations.relax import RelaxCalculation
    from aiida_anhcsp.calculations.sscha import SschaCalculation
    from aiida_anhcsp.workflows.finetune import training_inputs
    from aiida_anhcsp.workflows.ports import engine_inputs

    inputs: dict[str, Any] = {"code": engine_code, "runtime": {"device": "cpu", "threads": 1, "processes": 8}}
    for calculation in (RelaxCalculation, SschaCalculation):
        assert engine_inputs(inputs, calculation)["runtime"]["processes"] == 8
    assert "processes" not in training_inputs(inputs)["runtime"]
    inputs["learning"] = {"runtime": {"device": "cpu", "threads": 1, "processes": 4}}
    assert training_inputs(inputs)["runtime"]["processes"] == 4


def test_the_engine_is_refused_as_a_dft_program(engine_code: Any, system_python: Any) -> None:
    from aiida_anhcsp.workflows.ports import validate_not_engine

    validate = validate_not_engine("the program pw.x")
    problem = validate(engine_code, None)
    assert problem == f"code: {engine_code.full_label} is the engine of this plugin; give the program pw.x"
    assert validate(system_python, None) is None
