"""What becomes of the files a job leaves, whole, partial or none."""

from __future__ import annotations

import json

import pytest
from aiida import orm
from ase.build import bulk

from aiida_anhcsp.data.dynamical_matrices import DynamicalMatricesData
from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.frames import write_frames

STAGE = {"pressure": 130, "temperature": 300, "stages": "1x1x1:200,2x2x2:500", "seed": 3}
RESULT = {"converged": True, "gibbs_free_energy": -3.5, "kong_liu_ratio": float("nan")}


@pytest.fixture
def text(tmp_path):
    def factory(frames):
        write_frames(tmp_path / "frames.extxyz", frames)
        return (tmp_path / "frames.extxyz").read_text()

    return factory


@pytest.fixture
def sscha_files(text):
    return {
        "exit_status": "0\n",
        "out/result.json": json.dumps(RESULT),
        "out/structure.extxyz": text([bulk("Cu")]),
        "out/dynamical_matrices/dyn1": "matrix",
        "out/audit.extxyz": text([bulk("Cu")] * 3),
    }


@pytest.fixture
def hessian_files(sscha_files):
    result = '{"frequencies_gamma": [-12.5], "dynamically_stable": false}'
    del sscha_files["out/audit.extxyz"]
    return {**sscha_files, "out/result.json": result}


@pytest.fixture
def state(tmp_path, text):
    (tmp_path / "dynamical_matrices").mkdir()
    (tmp_path / "dynamical_matrices" / "dyn1").write_text("matrix")
    (tmp_path / "structure.extxyz").write_text(text([bulk("Cu")]))
    return DynamicalMatricesData.from_directory(tmp_path, supercell=(2, 2, 2), temperature=50.0)


def relaxed(frames, status="converged"):
    for frame in frames:
        frame.info["status"] = status
    return frames


def test_a_relaxed_population_comes_back(generate_calc_job_node, parse, copper, copper_frames, emt, text):
    files = {"exit_status": "0\n", "result.extxyz": text(relaxed(copper_frames))}
    node = generate_calc_job_node("anhcsp.relax", {"population": copper, "potential": emt}, files)
    outputs, process = parse("anhcsp.population", node)
    assert process.is_finished_ok
    assert outputs["population"].base.attributes.get("statuses") == {"converged": 4}


def test_a_partial_population_is_kept_with_an_exit_code(
    generate_calc_job_node, parse, copper, copper_frames, emt, text
):
    files = {"exit_status": "0\n", "result.extxyz": text(relaxed(copper_frames[:3]))}
    node = generate_calc_job_node("anhcsp.relax", {"population": copper, "potential": emt}, files)
    outputs, process = parse("anhcsp.population", node)
    assert (process.exit_status, process.exit_message) == (410, "1 of 4 structures did not come back.")
    assert outputs["population"].count == 3


def test_one_bad_structure_is_no_failure_and_all_bad_is_one(
    generate_calc_job_node, parse, copper, copper_frames, emt, text
):
    inputs = {"population": copper, "potential": emt}
    mixed = relaxed(copper_frames[:3]) + relaxed(copper_frames[3:], "exploded")
    node = generate_calc_job_node("anhcsp.relax", inputs, {"exit_status": "0", "result.extxyz": text(mixed)})
    assert parse("anhcsp.population", node)[1].is_finished_ok
    bad = relaxed(copper_frames, "exploded")
    node = generate_calc_job_node("anhcsp.relax", inputs, {"exit_status": "0", "result.extxyz": text(bad)})
    outputs, process = parse("anhcsp.population", node)
    assert process.exit_status == 420
    assert "4 exploded" in process.exit_message
    assert outputs["population"].count == 4


@pytest.mark.parametrize("files", [{}, {"exit_status": "137\n"}])
def test_a_killed_relaxation_hands_out_its_checkpoint(generate_calc_job_node, parse, copper, emt, files):
    files = {**files, "result.extxyz.checkpoint.npz": b"state"}
    node = generate_calc_job_node("anhcsp.relax", {"population": copper, "potential": emt}, files)
    outputs, process = parse("anhcsp.population", node)
    assert process.exit_status == 400
    assert outputs["checkpoint"].get_content(mode="rb") == b"state"


def test_a_relaxation_out_of_time_is_restartable(generate_calc_job_node, parse, copper, copper_frames, emt, text):
    late = relaxed(copper_frames, "max_steps")
    late[0].info["reason"] = "out of time"
    files = {"exit_status": "0", "result.extxyz": text(late)}
    node = generate_calc_job_node("anhcsp.relax", {"population": copper, "potential": emt}, files)
    outputs, process = parse("anhcsp.population", node)
    assert (process.exit_status, outputs["population"].count) == (401, 4)


def test_bad_input_is_said_in_the_words_of_the_engine(generate_calc_job_node, parse):
    files = {"exit_status": "2\n", "engine.err": "12:00:00 start\nanhcsp-engine: formula: no Xx; give elements\n"}
    node = generate_calc_job_node("anhcsp.generate", {"settings": orm.Dict({})}, files)
    _, process = parse("anhcsp.population", node)
    assert process.exit_status == 310
    assert process.exit_message.endswith("formula: no Xx; give elements")


@pytest.mark.parametrize("files", [{}, {"exit_status": "137\n"}, {"exit_status": ""}])
def test_a_killed_job_is_restartable(generate_calc_job_node, parse, files):
    node = generate_calc_job_node("anhcsp.generate", {"settings": orm.Dict({})}, files)
    assert parse("anhcsp.population", node)[1].exit_status == 400


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"exit_status": "0"}, 300),
        ({"exit_status": "0", "result.extxyz": "nonsense"}, 301),
        ({"exit_status": "1", "engine.err": "RuntimeError: broken"}, 320),
    ],
)
def test_missing_and_unreadable_output_have_codes_of_their_own(generate_calc_job_node, parse, files, status):
    node = generate_calc_job_node("anhcsp.generate", {"settings": orm.Dict({})}, files)
    assert parse("anhcsp.population", node)[1].exit_status == status


def test_fewer_random_structures_than_asked_for_are_kept(generate_calc_job_node, parse, copper_frames, text):
    files = {"exit_status": "0", "result.extxyz": text(copper_frames)}
    node = generate_calc_job_node("anhcsp.generate", {"settings": orm.Dict({"population": 6})}, files)
    outputs, process = parse("anhcsp.population", node)
    assert (process.exit_status, outputs["population"].count) == (410, 4)


@pytest.mark.parametrize(("most", "status"), [(10, 0), (11, 410)])
def test_the_last_generation_is_whole_with_what_max_relaxations_leaves_of_it(
    generate_calc_job_node, parse, copper, copper_frames, text, most, status
):
    keys = {"formula": "Cu", "formula_units": "4", "population": 6, "generations": 2, "seed": 1}
    settings = orm.Dict({**keys, "max_relaxations": most})
    inputs = {"population": copper, "settings": settings, "generation": orm.Int(1)}
    files = {"exit_status": "0", "result.extxyz": text(copper_frames)}
    outputs, process = parse("anhcsp.population", generate_calc_job_node("anhcsp.vary", inputs, files))
    assert (process.exit_status, outputs["population"].count) == (status, 4)


def test_offspring_with_soft_modes_of_a_potential_is_not_relaxed(
    generate_calc_job_node, parse, copper, copper_frames, emt, text
):
    files = {"exit_status": "0", "result.extxyz": text(copper_frames[:3])}
    settings = orm.Dict({"population": 3, "soft_modes": "potential"})
    inputs = {"population": copper, "potential": emt, "settings": settings}
    outputs, process = parse("anhcsp.population", generate_calc_job_node("anhcsp.vary", inputs, files))
    assert process.is_finished_ok
    assert outputs["population"].count == 3


def test_a_trained_potential_knows_what_it_was_trained_on(generate_calc_job_node, parse, copper):
    files = {
        "exit_status": "0",
        "out/model.mtp": b"MTP",
        "out/model.mtp.json": '{"elements": ["S", "H"]}',
        "out/metrics.json": '{"after": {"test": {"energy": 4.5, "stress": NaN}}, "cutoff": 5.0}',
    }
    node = generate_calc_job_node("anhcsp.train", {"dataset": copper, "settings": orm.Dict({})}, files)
    outputs, process = parse("anhcsp.train", node)
    assert process.is_finished_ok
    assert outputs["potential"].elements == ["S", "H"]
    assert outputs["potential"].base.attributes.get("training_set") == copper.base.attributes.get("sha256")
    assert outputs["potential"].cutoff == 5.0
    assert outputs["metrics"].get_dict() == {"after": {"test": {"energy": 4.5}}, "cutoff": 5.0}


def test_a_potential_without_metrics_is_kept(generate_calc_job_node, parse, copper, emt):
    files = {"exit_status": "0", "out/model.pth": b"weights"}
    inputs = {"dataset": copper, "settings": orm.Dict({}), "potential": emt}
    outputs, process = parse("anhcsp.train", generate_calc_job_node("anhcsp.train", inputs, files))
    assert process.exit_status == 411
    assert outputs["potential"].kind == "mattersim"


def test_training_without_a_model_has_no_potential(generate_calc_job_node, parse, copper):
    node = generate_calc_job_node(
        "anhcsp.train", {"dataset": copper, "settings": orm.Dict({})}, {"exit_status": "0", "out/metrics.json": "{}"}
    )
    assert parse("anhcsp.train", node)[1].exit_status == 300


def test_an_sscha_stage_yields_its_state_and_its_audit(generate_calc_job_node, parse, sscha_files):
    node = generate_calc_job_node("anhcsp.sscha", {"settings": orm.Dict(STAGE)}, sscha_files)
    outputs, process = parse("anhcsp.sscha", node)
    assert process.is_finished_ok
    assert outputs["result"].get_dict() == {"converged": True, "gibbs_free_energy": -3.5}
    assert outputs["dynamical_matrices"].base.attributes.get("supercell") == [2, 2, 2]
    assert outputs["structure"].get_formula() == "Cu"
    assert isinstance(outputs["audit"], PopulationData)


def test_an_unconverged_stage_keeps_its_outputs(generate_calc_job_node, parse, sscha_files):
    files = {**sscha_files, "out/result.json": '{"converged": false, "reason": "10 populations"}'}
    del files["out/audit.extxyz"]
    node = generate_calc_job_node("anhcsp.sscha", {"settings": orm.Dict(STAGE)}, files)
    outputs, process = parse("anhcsp.sscha", node)
    assert process.exit_status == 410
    assert "10 populations" in process.exit_message
    assert {"result", "structure", "dynamical_matrices"} <= set(outputs)


def test_a_stage_that_never_got_anywhere_says_why(generate_calc_job_node, parse):
    files = {"exit_status": "0", "out/result.json": '{"converged": false, "reason": "failed 3 times"}'}
    node = generate_calc_job_node("anhcsp.sscha", {"settings": orm.Dict(STAGE)}, files)
    outputs, process = parse("anhcsp.sscha", node)
    assert (process.exit_status, outputs["result"]["converged"]) == (410, False)
    assert "failed 3 times" in process.exit_message


def test_a_hessian_yields_its_result_and_its_matrices(generate_calc_job_node, parse, hessian_files, state):
    inputs = {"settings": orm.Dict({}), "dynamical_matrices": state}
    outputs, process = parse("anhcsp.hessian", generate_calc_job_node("anhcsp.hessian", inputs, hessian_files))
    assert process.is_finished_ok
    assert outputs["result"]["frequencies_gamma"] == [-12.5]
    hessian = outputs["hessian"]
    assert (hessian.supercell, hessian.names) == ((2, 2, 2), ["dyn1"])
    assert hessian.base.attributes.get("temperature") == 50.0


def test_a_hessian_without_its_matrices_keeps_its_result(generate_calc_job_node, parse, hessian_files, state):
    del hessian_files["out/dynamical_matrices/dyn1"]
    inputs = {"settings": orm.Dict({}), "dynamical_matrices": state}
    outputs, process = parse("anhcsp.hessian", generate_calc_job_node("anhcsp.hessian", inputs, hessian_files))
    assert process.exit_status == 301
    assert "result" in outputs


@pytest.mark.parametrize(
    ("status", "code"), [("3", 420), ("4", 421), ("137", 421), ("143", 400), ("2", 310), ("1", 320)]
)
def test_each_end_of_a_training_has_its_exit_code(status, code, generate_calc_job_node, parse, copper):
    files = {"exit_status": status, "engine.err": "anhcsp-engine: why it ended"}
    node = generate_calc_job_node("anhcsp.train", {"dataset": copper, "settings": orm.Dict({})}, files)
    assert parse("anhcsp.train", node)[1].exit_status == code


def test_a_stage_that_was_killed_leaves_its_last_population(generate_calc_job_node, parse, sscha_files):
    files = {name: content for name, content in sscha_files.items() if name not in ("exit_status", "out/result.json")}
    node = generate_calc_job_node("anhcsp.sscha", {"settings": orm.Dict(STAGE)}, files)
    outputs, process = parse("anhcsp.sscha", node)
    assert process.exit_status == 400
    assert {"structure", "dynamical_matrices"} <= set(outputs)
    assert "result" not in outputs


def test_a_correction_yields_its_result(generate_calc_job_node, parse):
    files = {"exit_status": "0", "correction.json": '{"gibbs_free_energy": -3.0}'}
    node = generate_calc_job_node("anhcsp.correct", {"settings": orm.Dict({})}, files)
    outputs, process = parse("anhcsp.correct", node)
    assert process.is_finished_ok
    assert outputs["result"]["gibbs_free_energy"] == -3.0


def test_a_step_that_finds_no_minimum_leads_on(generate_calc_job_node, parse, sscha_files, state):
    files = {**sscha_files, "out/result.json": '{"converged": false, "reason": "minimising still gains"}'}
    outputs, process = parse("anhcsp.step", generate_calc_job_node("anhcsp.step", {"dynamical_matrices": state}, files))
    assert process.exit_status == 410
    assert "still gains" in process.exit_message
    assert outputs["dynamical_matrices"].supercell == (2, 2, 2)
    assert outputs["dynamical_matrices"].base.attributes.get("temperature") == 50.0
