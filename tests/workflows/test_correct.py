"""Decisions of a correction, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk

from aiida_anhcsp.engine.frames import write_frames

SSCHA = {"pressure": 130.0, "temperature": 0.0, "stages": ["1x1x1:40"], "seed": 4}


def corrected(error: float, labels: int, **more: Any) -> Any:
    """Result of a correction; ``error`` in eV/atom of a cell of four."""
    from aiida.orm import Dict

    document = {
        "n_atoms": 4,
        "n_labels": labels,
        "free_energy_correction": -0.4,
        "free_energy_correction_error": 4 * error,
        "pressure_correction": 3.0,
        "pressure_correction_error": 0.2,
        "pressure_to_relax_at": 127.0,
        **more,
    }
    return {"result": Dict(document)}


@pytest.fixture
def state(tmp_path: Path) -> Any:
    """Dynamical matrices of copper, by name only."""
    from aiida_anhcsp.data.dynamical_matrices import DynamicalMatricesData

    write_frames(tmp_path / "structure.extxyz", [bulk("Cu", cubic=True)])
    (tmp_path / "dynamical_matrices").mkdir()
    (tmp_path / "dynamical_matrices" / "dyn1").write_text("matrix")
    return DynamicalMatricesData.from_directory(tmp_path, supercell=(1, 1, 1), temperature=0.0)


@pytest.fixture
def run(engine_code: Any, emt: Any, copper: Any, state: Any, generate_workchain: Callable) -> Callable:
    """A correction before its first step; its audit has forty configurations."""

    def factory(settings: dict[str, Any] | None = None, **changes: Any) -> Any:
        from aiida.orm import Dict

        from aiida_anhcsp.data.population import PopulationData
        from aiida_anhcsp.workflows.correct import CorrectWorkChain

        inputs = {
            "code": engine_code,
            "result": Dict({"pressure_target": 130.0, "source": "audit"}),
            "dynamical_matrices": state,
            "audit": PopulationData.from_frames(copper.get_frames() * 10),
            "settings": Dict({"first": 10, **(settings or {})}),
            "label_engine": "anhcsp.label.ase",
            "label": {"code": engine_code, "potential": emt},
            **changes,
        }
        workchain = generate_workchain(CorrectWorkChain, inputs)
        workchain.setup()
        return workchain

    return factory


def test_labels_of_the_first_configurations_are_asked_for(run: Callable) -> None:
    workchain = run()
    assert workchain.is_imprecise()
    child = workchain.label()["current"]
    assert child.label == "label_1"
    assert child.inputs.population.count == 10


def test_correction_takes_audit_and_labels(run: Callable, add_child: Callable, copper: Any) -> None:
    workchain = run()
    add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
    child = workchain.correct()["current"]
    assert child.inputs.labels.count == copper.count
    assert child.inputs.audit.pk == workchain.inputs.audit.pk
    assert child.inputs.settings.get_dict() == {"order": 1, "reminimise": True}


def test_labels_grow_until_the_error_is_small_enough(run: Callable, add_child: Callable, copper: Any) -> None:
    workchain = run()
    add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
    add_child(workchain, "correct_1", corrected(0.0012, 10))
    assert workchain.judge() is None
    assert workchain.is_imprecise()
    assert workchain.label()["current"].inputs.population.count == 6
    add_child(workchain, "label_2", {"population": copper.clone()}, job=False)
    assert workchain.correct()["current"].inputs.labels.count == 2 * copper.count
    add_child(workchain, "correct_2", corrected(0.0009, 16))
    workchain.judge()
    assert not workchain.is_imprecise()
    workchain.end_round()
    assert not workchain.is_unfinished()
    assert workchain.correction.label == "correct_2"


@pytest.mark.parametrize("converged", [True, False])
def test_the_target_is_that_of_the_correction_which_ranks(
    run: Callable, add_child: Callable, copper: Any, converged: bool
) -> None:
    """The one at the reference's own minimum, where the labels led there."""
    workchain = run()
    add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
    minimum = {"converged": converged, "free_energy_correction": -0.5, "free_energy_correction_error": 4 * 0.0012}
    add_child(workchain, "correct_1", corrected(0.0009, 10, reminimised=minimum))
    assert workchain.judge() is None
    assert workchain.is_imprecise() == converged


def test_error_above_the_target_after_all_labels_comes_with_the_result(
    run: Callable, add_child: Callable, copper: Any
) -> None:
    workchain = run({"max_labels": 10})
    add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
    child = add_child(workchain, "correct_1", corrected(0.005, 10))
    workchain.judge()
    assert not workchain.is_imprecise()
    exit_code = workchain.results()
    assert exit_code.status == 410
    assert "0.0050 eV/atom" in exit_code.message
    assert workchain.outputs["result"].pk == child.outputs.result.pk


def test_labels_that_fail_end_the_correction(run: Callable, add_child: Callable) -> None:
    workchain = run()
    child = add_child(workchain, "label_1", {}, status=401, message="None of 10 succeeded", job=False)
    exit_code = workchain.correct()
    assert exit_code.status == 401
    assert f"<{child.pk}>" in exit_code.message


def test_the_model_is_relaxed_where_the_reference_has_the_target_pressure(
    run: Callable, add_child: Callable, copper: Any, emt: Any, state: Any
) -> None:
    from aiida.orm import Dict

    workchain = run({"relax": True, "target": 0.01}, potential=emt, sscha=Dict(SSCHA))
    add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
    add_child(workchain, "correct_1", corrected(0.001, 10))
    workchain.judge()
    assert workchain.should_relax()
    child = workchain.relax()["current"]
    assert child.inputs.settings["pressure"] == 127.0
    assert child.inputs.start.pk == workchain.inputs.dynamical_matrices.pk
    outputs = {"result": Dict({"source": "audit"}), "audit": copper.clone(), "dynamical_matrices": state.clone()}
    add_child(workchain, "relax", outputs, job=False)
    assert workchain.end_round() is None
    assert workchain.is_unfinished() and workchain.is_imprecise()
    assert workchain.label()["current"].label == "label_relaxed_1"
    add_child(workchain, "label_relaxed_1", {"population": copper.clone()}, job=False)
    assert workchain.correct()["current"].inputs.settings["pressure"] == 130.0


def test_a_second_relaxation_that_fails_leaves_the_first_correction(
    run: Callable, add_child: Callable, copper: Any, emt: Any, state: Any
) -> None:
    from aiida.orm import Dict

    for way, status in (("relax", 403), ("label", 401)):
        workchain = run({"relax": True, "target": 0.01}, potential=emt, sscha=Dict(SSCHA))
        labels = add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
        first = add_child(workchain, "correct_1", corrected(0.001, 10))
        workchain.judge()
        if way == "relax":
            add_child(workchain, "relax", {}, status=401, message="exploded", job=False)
            exit_code = workchain.end_round()
        else:
            outputs = {
                "result": Dict({"source": "audit"}),
                "audit": copper.clone(),
                "dynamical_matrices": state.clone(),
            }
            add_child(workchain, "relax", outputs, job=False)
            assert workchain.end_round() is None
            add_child(workchain, "label_relaxed_1", {}, status=401, message="None of 10 succeeded", job=False)
            exit_code = workchain.correct()
        assert exit_code.status == status
        assert workchain.outputs["result"].pk == first.outputs.result.pk
        assert workchain.outputs["labels"].pk == labels.outputs.population.pk


def test_labels_that_fail_later_leave_the_correction_of_those_before(
    run: Callable, add_child: Callable, copper: Any
) -> None:
    workchain = run()
    add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
    first = add_child(workchain, "correct_1", corrected(0.0012, 10))
    workchain.judge()
    add_child(workchain, "label_2", {}, status=401, message="None of 6 succeeded", job=False)
    assert workchain.correct().status == 401
    assert workchain.outputs["result"].pk == first.outputs.result.pk


def test_a_pressure_that_fits_needs_no_second_relaxation(
    run: Callable, add_child: Callable, copper: Any, emt: Any
) -> None:
    from aiida.orm import Dict

    workchain = run({"relax": True, "target": 0.01}, potential=emt, sscha=Dict(SSCHA))
    add_child(workchain, "label_1", {"population": copper.clone()}, job=False)
    add_child(workchain, "correct_1", corrected(0.001, 10, pressure_correction=0.3))
    workchain.judge()
    assert not workchain.should_relax()


def test_relaxing_again_needs_the_potential(run: Callable) -> None:
    with pytest.raises(ValueError, match=r"potential: missing; settings.relax needs it"):
        run({"relax": True})


@pytest.mark.parametrize("change", [{"target": 0.0}, {"first": 1}, {"order": 3}, {"labels": 5}])
def test_wrong_settings_are_refused_by_name(run: Callable, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"settings.{next(iter(change))}"):
        run(change)


@pytest.mark.parametrize(
    ("error", "wanted"), [(0.0009, 20), (0.0011, 27), (0.01, 40), (0.0013, 38)], ids=["enough", "few", "double", "some"]
)
def test_as_many_labels_as_the_error_needs(error: float, wanted: int) -> None:
    from aiida_anhcsp.workflows.correct import more_labels

    assert more_labels(20, error, 0.001, 100) == wanted
    assert more_labels(20, error, 0.001, 25) == min(wanted, 25)
