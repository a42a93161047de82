"""Decisions of SSCHA on labels, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk

from aiida_anhcsp.engine.frames import write_frames

SETTINGS = {"pressure": 130.0, "configurations": 50, "max_populations": 2, "seed": 4}


def measured(converged: bool) -> Any:
    from aiida.orm import Dict

    reason = {} if converged else {"reason": "minimising still gains 3.0 meV"}
    return Dict(
        {
            "converged": converged,
            "gibbs_free_energy": -1.0,
            "gibbs_free_energy_error": 0.001,
            "pressure": 129.0,
            **reason,
        }
    )


@pytest.fixture
def state(tmp_path: Path) -> Any:
    """Dynamical matrices of copper, by name only."""
    from aiida_anhcsp.data.dynamical_matrices import DynamicalMatricesData

    write_frames(tmp_path / "structure.extxyz", [bulk("Cu", cubic=True)])
    (tmp_path / "dynamical_matrices").mkdir()
    (tmp_path / "dynamical_matrices" / "dyn1").write_text("matrix")
    return DynamicalMatricesData.from_directory(tmp_path, supercell=(1, 1, 1), temperature=0.0)


@pytest.fixture
def run(engine_code: Any, emt: Any, state: Any, generate_workchain: Callable) -> Callable:
    def factory(**changes: Any) -> Any:
        from aiida.orm import Dict

        from aiida_anhcsp.workflows.sscha_on_labels import SschaOnLabelsWorkChain

        inputs = {
            "code": engine_code,
            "start": state,
            "potential": emt,
            "settings": Dict({**SETTINGS, **changes}),
            "label_engine": "anhcsp.label.ase",
            "label": {"code": engine_code, "potential": emt},
        }
        workchain = generate_workchain(SschaOnLabelsWorkChain, inputs)
        workchain.setup()
        return workchain

    return factory


def test_configurations_are_drawn_labelled_and_minimised_on(run: Callable, add_child: Callable, copper: Any) -> None:
    workchain = run()
    drawn = workchain.draw()["current"]
    assert drawn.inputs.settings["configurations"] == 50
    add_child(workchain, "draw_1", {"population": copper.clone()})
    label = workchain.label()["current"]
    assert label.inputs.population.count == copper.count
    add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
    child = workchain.minimise()["current"]
    assert child.inputs.settings.get_dict() == {"pressure": 130.0, "fixed_cell": False}
    assert child.inputs.dynamical_matrices.pk == workchain.inputs.start.pk


def test_population_that_finds_no_minimum_is_followed_by_a_fresh_one(
    run: Callable, add_child: Callable, state: Any
) -> None:
    workchain = run()
    outputs = {"result": measured(False), "dynamical_matrices": state.clone()}
    child = add_child(workchain, "step_1", outputs, status=410, message="no minimum")
    workchain.judge()
    assert workchain.should_go_on()
    second = workchain.draw()["current"]
    assert second.label == "draw_2"
    assert second.inputs.dynamical_matrices.pk == child.outputs.dynamical_matrices.pk
    add_child(workchain, "step_2", {"result": measured(True), "dynamical_matrices": state.clone()})
    workchain.judge()
    assert not workchain.should_go_on()


def test_a_minimisation_that_fails_is_repeated_once(run: Callable, add_child: Callable, copper: Any) -> None:
    workchain = run()
    add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
    add_child(workchain, "step_1", {}, status=400, message="wall time")
    assert workchain.is_unmeasured()
    assert workchain.minimise()["current"].label == "step_1_again"
    add_child(workchain, "step_1_again", {}, status=320, message="exploded")
    assert not workchain.is_unmeasured()
    assert workchain.judge().status == 403
    assert "result" not in workchain.outputs


def test_a_step_cut_short_waits_for_the_minimisation_it_had_submitted(
    run: Callable, add_child: Callable, copper: Any
) -> None:
    workchain = run()
    add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
    child = add_child(workchain, "step_1", {})
    child.set_process_state("waiting")
    assert workchain.is_unmeasured()
    assert workchain.minimise()["current"].pk == child.pk


@pytest.mark.parametrize("lost", ["draw", "label", "step"])
def test_a_population_that_comes_to_nothing_leaves_the_one_before(
    run: Callable, add_child: Callable, copper: Any, state: Any, lost: str
) -> None:
    from aiida.common import LinkType
    from aiida.engine import ProcessState
    from aiida.orm import CalcJobNode

    workchain = run()
    first = CalcJobNode()
    first.base.links.add_incoming(workchain.node, link_type=LinkType.CALL_CALC, link_label="step_1")
    for name, node in {"dynamical_matrices": workchain.inputs.start, "labels": copper.clone().store()}.items():
        first.base.links.add_incoming(node, link_type=LinkType.INPUT_CALC, link_label=name)
    first.set_process_state(ProcessState.FINISHED)
    first.store()
    for name, output in {"result": measured(False), "dynamical_matrices": state.clone()}.items():
        output.base.links.add_incoming(first, link_type=LinkType.CREATE, link_label=name)
        output.store()
    workchain.judge()
    for label in ("draw_2", "label_2", "step_2", "step_2_again"):
        if label.startswith(lost):
            add_child(workchain, label, {}, status=401, message="lost", job=label != "label_2")
    step = {"draw": workchain.label, "label": workchain.minimise, "step": workchain.judge}[lost]
    assert step().status == {"draw": 401, "label": 402, "step": 403}[lost]
    assert workchain.outputs["result"].pk == first.outputs.result.pk
    assert workchain.outputs["dynamical_matrices"].pk == workchain.inputs.start.pk
    assert workchain.outputs["audit"].pk == first.inputs.labels.pk


def test_labels_that_fail_end_the_run(run: Callable, add_child: Callable) -> None:
    workchain = run()
    add_child(workchain, "label_1", {}, status=401, message="None of 50 succeeded", job=False)
    assert workchain.minimise().status == 402


@pytest.mark.parametrize("change", [{"configurations": 2}, {"max_populations": 0}, {"temperature": 0.0}])
def test_wrong_settings_are_refused_by_name(run: Callable, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"settings.{next(iter(change))}"):
        run(**change)
