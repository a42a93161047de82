"""Decisions of an SSCHA run, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida.orm import Log
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.frames import write_frames

SETTINGS = {"pressure": 130.0, "temperature": 0.0, "stages": ["1x1x1:100", "2x2x2:200"], "seed": 4}


def result(converged: bool = True, gibbs: float = -1.0, **more: Any) -> dict[str, Any]:
    """A result as the engine writes it."""
    stress = [[-129.5, 0.0, 0.0], [0.0, -129.5, 0.0], [0.0, 0.0, -129.5]]
    entry = {"converged": converged, "gibbs_free_energy": gibbs, "stress_initial": stress}
    return {
        "converged": converged,
        "gibbs_free_energy": gibbs,
        "gibbs_free_energy_error": 0.002,
        "pressure": 129.5,
        "stress": stress,
        "spacegroup_initial": "R3m",
        "spacegroup_final": "Im-3m",
        "n_evaluations": 100,
        "stages": [entry],
        **more,
    }


def copper(a: float = 2.55) -> Atoms:
    """Hexagonal copper, two atoms."""
    return bulk("Cu", "hcp", a=a, c=1.63 * a)


@pytest.fixture
def run(engine_code: Any, emt: Any, generate_workchain: Callable) -> Callable:
    """An SSCHA run before its first stage."""

    def factory(start: Any = None, give_up: Any = None, **changes: Any) -> Any:
        from aiida.orm import Dict, StructureData

        from aiida_anhcsp.workflows.sscha import SschaWorkChain

        inputs = {
            "code": engine_code,
            "potential": emt,
            "structure": StructureData(ase=copper()),
            "settings": Dict({**SETTINGS, **changes}),
        }
        if start is not None:
            inputs["start"] = start
        if give_up is not None:
            inputs["give_up"] = give_up
        workchain = generate_workchain(SschaWorkChain, inputs)
        workchain.setup()
        return workchain

    return factory


@pytest.fixture
def state() -> Callable:
    """Outputs of a stage that came to a state."""

    def factory(**keys: Any) -> dict[str, Any]:
        from aiida.orm import Dict, StructureData

        from aiida_anhcsp.data.dynamical_matrices import DynamicalMatricesData

        return {
            "result": Dict(result(**keys)),
            "structure": StructureData(ase=copper(2.5)),
            "dynamical_matrices": DynamicalMatricesData(),
        }

    return factory


def test_every_stage_is_a_job_that_starts_from_the_one_before(
    run: Callable, state: Callable, add_child: Callable
) -> None:
    workchain = run()
    first = workchain.run_stage()["current"]
    assert first.label == "stage_1"
    assert first.inputs.settings["stages"] == ["1x1x1:100"]
    assert first.inputs.settings["audit"] == "none"
    assert "start" not in first.inputs
    done = add_child(workchain, "stage_1", state())
    workchain.judge_stage()
    second = workchain.run_stage()["current"]
    assert second.label == "stage_2"
    assert second.inputs.settings["stages"] == ["2x2x2:200"]
    assert second.inputs.start.pk == done.outputs.dynamical_matrices.pk


def test_stage_that_does_not_converge_is_repeated_alone_with_twice_the_configurations(
    run: Callable, state: Callable, add_child: Callable
) -> None:
    workchain = run()
    add_child(workchain, "stage_1", state())
    workchain.judge_stage()
    failed = add_child(workchain, "stage_2", state(converged=False), status=410, message="did not converge")
    assert workchain.judge_stage() is None
    again = workchain.run_stage()["current"]
    assert again.label == "stage_2_repeat_1"
    assert again.inputs.settings["stages"] == ["2x2x2:400"]
    assert again.inputs.settings["seed"] != SETTINGS["seed"]
    assert again.inputs.start.pk == failed.outputs.dynamical_matrices.pk


def test_stage_that_comes_to_nothing_twice_ends_the_run(run: Callable, add_child: Callable) -> None:
    workchain = run()
    add_child(workchain, "stage_1", {}, status=320, message="exploded")
    assert workchain.judge_stage() is None
    child = add_child(workchain, "stage_1_repeat_1", {}, status=320, message="exploded")
    exit_code = workchain.judge_stage()
    assert exit_code.status == 401
    assert f"<{child.pk}>" in exit_code.message


def test_audit_has_as_many_configurations_as_the_last_stage(
    run: Callable, state: Callable, add_child: Callable
) -> None:
    workchain = run()
    for label in ("stage_1", "stage_2"):
        add_child(workchain, label, state())
        workchain.judge_stage()
    assert not workchain.has_stage()
    audit = workchain.audit()["current"]
    assert audit.inputs.settings["audit"] == "only"
    assert audit.inputs.settings["stages"] == ["2x2x2:200"]


def test_result_is_the_audits_and_names_the_first_and_the_last_cell(
    run: Callable, state: Callable, add_child: Callable
) -> None:
    from aiida.orm import Dict

    workchain = run()
    for label in ("stage_1", "stage_2"):
        add_child(workchain, label, state())
        workchain.judge_stage()
    audited = {**result(gibbs=-0.99, gibbs_free_energy_error=0.004), "spacegroup_initial": "Im-3m", "stages": []}
    add_child(workchain, "audit", {"result": Dict(audited)})
    assert workchain.results() is None
    summary = workchain.outputs["result"].get_dict()
    assert summary["gibbs_free_energy"] == -0.99
    assert summary["spacegroup_initial"] == "R3m"
    assert len(summary["stages"]) == 2
    assert summary["n_evaluations"] == 300
    assert summary["initial"]["volume"] == pytest.approx(copper().get_volume())
    assert summary["final"]["volume"] == pytest.approx(copper(2.5).get_volume())


def test_run_that_does_not_converge_gives_its_outputs_and_a_reason(
    run: Callable, state: Callable, add_child: Callable
) -> None:
    workchain = run(repeats=0, stages=["1x1x1:100"])
    add_child(workchain, "stage_1", state(converged=False), status=410, message="did not converge: wandering")
    workchain.judge_stage()
    exit_code = workchain.results()
    assert exit_code.status == 410
    assert "wandering" in exit_code.message
    assert {"result", "structure", "dynamical_matrices"} <= set(workchain.outputs)


def test_an_audit_that_contradicts_its_stage_makes_no_converged_result(
    run: Callable, state: Callable, add_child: Callable
) -> None:
    from aiida.orm import Dict

    workchain = run(stages=["1x1x1:100"])
    add_child(workchain, "stage_1", state())
    workchain.judge_stage()
    add_child(workchain, "audit", {"result": Dict(result(gibbs=-0.9, gibbs_free_energy_error=0.004))})
    exit_code = workchain.results()
    assert exit_code.status == 410
    assert "a G +100.0 meV/atom from the stage's" in exit_code.message
    assert workchain.outputs["result"]["reason"] in exit_code.message
    assert not workchain.outputs["result"]["converged"]


@pytest.mark.parametrize(("status", "times"), [(400, 3), (320, 2)], ids=["stopped", "failed"])
def test_an_audit_that_is_lost_is_repeated_as_it_was(
    run: Callable, state: Callable, add_child: Callable, status: int, times: int
) -> None:
    workchain = run(stages=["1x1x1:100"], continuations=2, repeats=1)
    add_child(workchain, "stage_1", state())
    workchain.judge_stage()
    asked = []
    while workchain.should_audit():
        child = workchain.audit()["current"]
        asked.append((child.label, child.inputs.settings.get_dict()))
        add_child(workchain, child.label, {}, status=status, message="wall time")
        workchain.judge_audit()
    assert [label for label, _ in asked] == ["audit", "audit_repeat_1", "audit_repeat_2"][:times]
    assert all(settings == asked[0][1] for _, settings in asked)


def test_a_result_whose_audit_is_missing_is_no_converged_one(
    run: Callable, state: Callable, add_child: Callable
) -> None:
    workchain = run(stages=["1x1x1:100"], continuations=0)
    add_child(workchain, "stage_1", state())
    workchain.judge_stage()
    add_child(workchain, "audit", {}, status=400, message="wall time")
    workchain.judge_audit()
    assert not workchain.should_audit()
    exit_code = workchain.results()
    assert exit_code.status == 402
    summary = workchain.outputs["result"].get_dict()
    assert summary["gibbs_free_energy"] == -1.0
    assert not summary["converged"]
    assert summary["reason"] == "the audit is missing: wall time"


def test_an_audit_that_was_repeated_gives_the_result(run: Callable, state: Callable, add_child: Callable) -> None:
    from aiida.orm import Dict

    workchain = run(stages=["1x1x1:100"])
    add_child(workchain, "stage_1", state())
    workchain.judge_stage()
    add_child(workchain, "audit", {}, status=400, message="wall time")
    workchain.judge_audit()
    add_child(workchain, "audit_repeat_1", {"result": Dict(result(gibbs=-0.999))})
    workchain.judge_audit()
    assert not workchain.should_audit()
    assert workchain.results() is None
    assert workchain.outputs["result"]["gibbs_free_energy"] == -0.999


@pytest.mark.parametrize(
    ("change", "field"),
    [({"temperature": -1.0}, "temperature"), ({"stages": ["2x2:5"]}, "stages"), ({"sead": 1}, "sead")],
)
def test_wrong_settings_are_refused_by_name(run: Callable, change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        run(**change)


def test_a_supercell_that_breaks_the_symmetry_ends_the_run_before_any_job(run: Callable) -> None:
    workchain = run(stages=["2x1x1:100"])
    exit_code = workchain.setup()
    assert exit_code.status == 202
    assert "the supercell 2x1x1 breaks the crystal's point group" in exit_code.message
    told = [log.message for log in Log.collection.get_logs_for(workchain.node)]
    assert any("refused: settings.stages: the supercell 2x1x1" in line for line in told)


def test_cell_and_stress_are_told_in_one_line():
    from aiida_anhcsp.workflows.sscha import describe_cell

    cell, stress = bulk("Cu", a=4.0, cubic=True).cell.tolist(), [[-1.0, 0.5, 0.0], [0.5, -2.0, 0.0], [0.0, 0.0, -3.0]]
    assert describe_cell({"cell": cell, "stress": stress}) == (
        "cell 4.000, 4.000, 4.000 A, 90.0, 90.0, 90.0 degrees; "
        "stress (xx, yy, zz, yz, xz, xy) -1.0, -2.0, -3.0, 0.0, 0.0, 0.5 GPa"
    )


def test_job_that_was_stopped_goes_on_from_its_last_population(
    run: Callable, state: Callable, add_child: Callable
) -> None:
    workchain = run()
    outputs = state()
    del outputs["result"]
    stopped = add_child(workchain, "stage_1", outputs, status=400, message="wall time")
    assert workchain.judge_stage() is None
    again = workchain.run_stage()["current"]
    assert again.label == "stage_1_continued_1"
    assert again.inputs.settings["stages"] == ["1x1x1:100"]
    assert again.inputs.start.pk == stopped.outputs.dynamical_matrices.pk


def test_job_that_was_stopped_before_its_first_population_begins_again_as_it_was(
    run: Callable, add_child: Callable
) -> None:
    workchain = run()
    add_child(workchain, "stage_1", {}, status=400, message="wall time")
    assert workchain.judge_stage() is None
    again = workchain.run_stage()["current"]
    assert again.label == "stage_1_continued_1"
    assert again.inputs.settings["stages"] == ["1x1x1:100"]
    assert "start" not in again.inputs


def test_job_that_is_stopped_again_and_again_is_given_up(run: Callable, state: Callable, add_child: Callable) -> None:
    workchain = run(continuations=1)
    for label in ("stage_1", "stage_1_continued_1"):
        outputs = state()
        del outputs["result"]
        add_child(workchain, label, outputs, status=400, message="wall time")
        exit_code = workchain.judge_stage()
    assert exit_code.status == 401


def test_a_state_of_the_last_supercell_starts_the_last_stage(run: Callable, tmp_path: Path) -> None:
    from aiida_anhcsp.data.dynamical_matrices import DynamicalMatricesData

    write_frames(tmp_path / "structure.extxyz", [copper()])
    (tmp_path / "dynamical_matrices").mkdir()
    (tmp_path / "dynamical_matrices" / "dyn1").write_text("matrix")
    for supercell, stages in (((2, 2, 2), ["2x2x2:200"]), ((1, 1, 1), ["1x1x1:100", "2x2x2:200"])):
        start = DynamicalMatricesData.from_directory(tmp_path, supercell=supercell, temperature=0.0)
        workchain = run(start=start)
        child = workchain.run_stage()["current"]
        assert child.inputs.settings["stages"] == stages[:1]
        assert child.inputs.start.pk == start.pk


def test_automatic_supercells_are_those_of_the_structure(run: Callable, emt: Any) -> None:
    emt.base.attributes.set("cutoff", 8.0)
    workchain = run(stages=["auto:100", "auto:200"])
    assert workchain.ctx.stages == ["2x2x2:100", "4x4x2:200"]


def test_automatic_supercells_need_the_range_of_the_potential(run: Callable) -> None:
    with pytest.raises(ValueError, match=r"settings.stages: auto:100 needs a potential of known range"):
        run(stages=["auto:100"])


def test_a_hopeless_structure_is_given_up_after_its_first_stage(
    run: Callable, state: Callable, add_child: Callable
) -> None:
    """G = -1.0 +- 0.002 eV/atom; the largest decrease after such a stage was 0.01."""
    from aiida.orm import Dict

    def limits(threshold: float) -> Dict:
        fall = {"stage": 1, "converged": True, "largest": 0.010, "seen": 3}
        return Dict({"threshold": threshold, "decreases": [fall]})

    for threshold, status in ((-1.0159, None), (-1.0161, 411)):
        workchain = run(give_up=limits(threshold))
        add_child(workchain, "stage_1", state())
        exit_code = workchain.judge_stage()
        assert (exit_code and exit_code.status) == status
    assert "G = -1.0000 +- 0.0020 eV/atom after stage 1 cannot come below -1.0161" in exit_code.message
    assert not workchain.outputs["result"]["converged"]
    assert workchain.outputs["result"]["reason"] in exit_code.message
    assert workchain.outputs["result"]["gibbs_free_energy"] == -1.0


def test_an_unconverged_stage_is_repeated_unless_that_is_hopeless(
    run: Callable, state: Callable, add_child: Callable
) -> None:
    from aiida.orm import Dict

    fall = {"stage": 1, "converged": False, "largest": 0.010, "seen": 3}
    for threshold, again in ((-0.9, True), (-1.1, False)):
        workchain = run(give_up=Dict({"threshold": threshold, "decreases": [fall]}))
        add_child(workchain, "stage_1", state(converged=False), status=410, message="did not converge")
        assert (workchain.judge_stage() is None) is again
        assert workchain.ctx.repeat == int(again)
