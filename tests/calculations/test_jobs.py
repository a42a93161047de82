"""Each job is one engine command: its arguments, its files, its validators."""

from __future__ import annotations

import io
import json
import subprocess

import pytest
import yaml
from aiida import orm
from ase.build import bulk

from aiida_anhcsp import __version__
from aiida_anhcsp.calculations.base import ONCE, STATUS_FILE
from aiida_anhcsp.data.dynamical_matrices import DynamicalMatricesData
from aiida_anhcsp.data.potential import PotentialData
from aiida_anhcsp.engine.frames import read_frames, write_frames

SEARCH = {"formula": "Cu", "formula_units": "4", "pressure": 10, "population": 4, "seed": 1}
STAGE = {"pressure": 130, "temperature": 0, "stages": "2x2x2:500", "seed": 3}


@pytest.fixture
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "mini.pth"
    path.write_bytes(b"weights")
    return PotentialData.from_file(path, "mattersim", {"Cu"}, 5.0)


@pytest.fixture
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    (folder / "dynamical_matrices").mkdir()
    write_frames(folder / "structure.extxyz", [bulk("Cu")])
    (folder / "dynamical_matrices" / "dyn1").write_text("matrix")
    return DynamicalMatricesData.from_directory(folder, supercell=(1, 1, 1), temperature=0)


def arguments(info):
    (code,) = info.codes_info
    return code.cmdline_params


def test_generate_reads_its_settings_from_a_file(generate_calc_job, engine_code):
    info, folder = generate_calc_job("anhcsp.generate", {"code": engine_code, "settings": orm.Dict(SEARCH)})
    assert arguments(info) == ["generate", "result.extxyz", "--settings", "SEARCH.yaml"]
    assert yaml.safe_load((folder / "SEARCH.yaml").read_text()) == SEARCH


def test_generate_takes_a_potential_for_its_candidates(generate_calc_job, engine_code, weights):
    settings = orm.Dict({**SEARCH, "candidates": 4})
    info, _ = generate_calc_job("anhcsp.generate", {"code": engine_code, "settings": settings, "potential": weights})
    assert "--potential mattersim:potential.pth --device cpu" in " ".join(arguments(info))
    assert [target for _, _, target in info.local_copy_list] == ["potential.pth"]


def test_vary_names_the_generation_to_make(generate_calc_job, engine_code, copper):
    inputs = {"code": engine_code, "settings": orm.Dict(SEARCH), "population": copper, "generation": orm.Int(3)}
    info, _ = generate_calc_job("anhcsp.vary", inputs)
    assert arguments(info)[:3] == ["vary", "population.extxyz", "result.extxyz"]
    assert arguments(info)[-2:] == ["--generation", "3"]
    assert "--potential" not in arguments(info)


def test_vary_takes_a_potential_for_its_soft_modes(generate_calc_job, engine_code, copper, weights):
    settings = orm.Dict({**SEARCH, "soft_modes": "potential"})
    inputs = {"code": engine_code, "settings": settings, "population": copper, "generation": orm.Int(3)}
    info, _ = generate_calc_job("anhcsp.vary", {**inputs, "potential": weights, "runtime": {"threads": 2}})
    line = " ".join(arguments(info))
    assert "--potential mattersim:potential.pth --device cpu --threads 2 --settings SEARCH.yaml" in line
    assert {target for _, _, target in info.local_copy_list} == {"population.extxyz", "potential.pth"}


def test_relax_brings_the_potential_and_the_population_along(generate_calc_job, engine_code, copper, weights):
    inputs = {"code": engine_code, "population": copper, "potential": weights, "pressure": orm.Float(150)}
    inputs["metadata"] = {"options": {"max_wallclock_seconds": 100}}
    inputs |= {"settings": orm.Dict({"fmax": 0.05, "max_steps": 7}), "runtime": {"threads": 2, "batch_atoms": 32}}
    info, _ = generate_calc_job("anhcsp.relax", inputs)
    line = " ".join(arguments(info))
    assert line.startswith("relax population.extxyz result.extxyz --potential mattersim:potential.pth")
    assert "--pressure 150.0" in line
    assert "--fmax 0.05 --max-steps 7 --max-wallclock 90.0" in line
    assert "--batch-atoms 32 --device cpu --threads 2" in line
    assert {target for _, _, target in info.local_copy_list} == {"population.extxyz", "potential.pth"}
    assert info.prepend_text == f"{ONCE}\nexport OMP_NUM_THREADS=2 ANHCSP_PLUGIN_VERSION={__version__}"


def test_a_job_that_is_handed_over_twice_runs_once(tmp_path):
    script = f"{ONCE}\necho started >> starts\nsleep 0.5\necho $? > {STATUS_FILE}\n"
    both = [subprocess.Popen(["bash", "-c", script], cwd=tmp_path) for _ in range(2)]
    assert [process.wait(timeout=20) for process in both] == [0, 0]
    assert (tmp_path / "starts").read_text() == "started\n"


def test_a_relaxation_goes_on_from_a_checkpoint(generate_calc_job, engine_code, copper, emt):
    checkpoint = orm.SinglefileData(io.BytesIO(b"state"), filename="result.extxyz.checkpoint.npz")
    inputs = {"code": engine_code, "population": copper, "potential": emt, "pressure": orm.Float(5)}
    inputs |= {"checkpoint": checkpoint, "runtime": {"processes": 4}}
    info, _ = generate_calc_job("anhcsp.relax", inputs)
    assert "--processes 4" in " ".join(arguments(info))
    assert "result.extxyz.checkpoint.npz" in {target for _, _, target in info.local_copy_list}
    assert "result.extxyz.checkpoint.npz" in info.retrieve_list


def test_the_making_of_candidates_goes_on_from_a_checkpoint(generate_calc_job, engine_code, weights):
    checkpoint = orm.SinglefileData(io.BytesIO(b"state"), filename="result.extxyz.checkpoint.npz")
    settings = orm.Dict({**SEARCH, "candidates": 4})
    inputs = {"code": engine_code, "settings": settings, "potential": weights, "checkpoint": checkpoint}
    info, _ = generate_calc_job("anhcsp.generate", inputs)
    assert "result.extxyz.checkpoint.npz" in {target for _, _, target in info.local_copy_list}
    assert "result.extxyz.checkpoint.npz" in info.retrieve_list


def test_an_mtp_travels_with_its_species(generate_calc_job, engine_code, copper, tmp_path_factory):
    path = tmp_path_factory.mktemp("mtp") / "model.mtp"
    path.write_bytes(b"MTP")
    potential = PotentialData.from_file(path, "mtp", ["Cu"])
    info, folder = generate_calc_job(
        "anhcsp.evaluate", {"code": engine_code, "population": copper, "potential": potential}
    )
    assert "mtp:potential.mtp" in arguments(info)
    assert json.loads((folder / "potential.mtp.json").read_text()) == {"elements": ["Cu"]}


def test_train_starts_from_a_potential_or_from_nothing(generate_calc_job, engine_code, copper):
    inputs = {"code": engine_code, "dataset": copper, "settings": orm.Dict({"epochs": 2, "seed": 1})}
    info, folder = generate_calc_job("anhcsp.train", {**inputs, "new": orm.Str('mtp:new:{"level": 2}')})
    assert arguments(info)[:5] == ["train", "population.extxyz", "out", "--potential", 'mtp:new:{"level": 2}']
    assert yaml.safe_load((folder / "TRAIN.yaml").read_text()) == {"epochs": 2, "seed": 1}
    with pytest.raises(ValueError, match="give either potential"):
        generate_calc_job("anhcsp.train", inputs)


def test_sscha_continues_from_the_stage_before(generate_calc_job, engine_code, emt, state):
    inputs = {"code": engine_code, "potential": emt, "start": state, "settings": orm.Dict({**STAGE, "audit": "only"})}
    info, folder = generate_calc_job("anhcsp.sscha", {**inputs, "runtime": {"processes": 4}})
    line = " ".join(arguments(info))
    assert "--processes 4" in line
    assert line.startswith("sscha start/structure.extxyz out --potential ase:ase.calculators.emt:EMT")
    assert "--pressure 130 --temperature 0 --seed 3 --stages 2x2x2:500 --audit-only --start start" in line
    assert (folder / "start" / "dynamical_matrices" / "dyn1").read_text() == "matrix"


def test_sscha_starts_from_a_structure(generate_calc_job, engine_code, emt):
    settings = orm.Dict({**STAGE, "stages": ["1x1x1:200", "2x2x2:500"], "fixed_cell": True, "audit": "none"})
    inputs = {"code": engine_code, "potential": emt, "structure": orm.StructureData(ase=bulk("Cu"))}
    info, folder = generate_calc_job("anhcsp.sscha", {**inputs, "settings": settings})
    line = " ".join(arguments(info))
    assert "--stages 1x1x1:200,2x2x2:500 --fixed-cell --no-audit" in line
    assert len(read_frames(folder / "initial.extxyz")) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({**STAGE, "presure": 1}, "unknown key 'presure'"),
        ({"pressure": 1, "temperature": 0, "seed": 1}, "stages is missing"),
        ({**STAGE, "audit": "maybe"}, "audit 'maybe' is unknown"),
    ],
)
def test_bad_sscha_settings_name_the_key_and_the_fix(generate_calc_job, engine_code, emt, state, settings, message):
    inputs = {"code": engine_code, "potential": emt, "start": state, "settings": orm.Dict(settings)}
    with pytest.raises(ValueError, match=message):
        generate_calc_job("anhcsp.sscha", inputs)


def test_sscha_without_structure_and_start_is_refused(generate_calc_job, engine_code, emt):
    with pytest.raises(ValueError, match="give structure, start or both"):
        generate_calc_job("anhcsp.sscha", {"code": engine_code, "potential": emt, "settings": orm.Dict(STAGE)})


def test_hessian_reads_the_state_of_an_sscha(generate_calc_job, engine_code, emt, state):
    settings = orm.Dict({"configurations": 2000, "seed": 1, "path": "GXMG"})
    inputs = {"code": engine_code, "potential": emt, "dynamical_matrices": state, "settings": settings}
    info, folder = generate_calc_job("anhcsp.hessian", {**inputs, "runtime": {"processes": 4}})
    line = " ".join(arguments(info))
    assert "--processes 4" in line
    assert line.startswith("hessian start out --potential")
    assert "--configurations 2000" in line
    assert "--path GXMG" in line
    assert (folder / "start" / "structure.extxyz").is_file()
    assert {"out/result.json", "out/structure.extxyz"} <= {source for source, *_ in info.retrieve_list[3:]}
    assert ("out/dynamical_matrices/*", ".", 3) in info.retrieve_list


def test_an_unknown_device_is_refused(generate_calc_job, engine_code, emt, copper):
    inputs = {"code": engine_code, "population": copper, "potential": emt, "runtime": {"device": "tpu"}}
    with pytest.raises(ValueError, match="give cpu or cuda"):
        generate_calc_job("anhcsp.evaluate", inputs)


def test_grade_brings_training_set_and_committee_along(generate_calc_job, engine_code, copper, weights):
    inputs = {"code": engine_code, "population": copper, "potential": weights, "training": copper}
    inputs["committee"] = {"member_1": weights.clone()}
    info, folder = generate_calc_job("anhcsp.grade", inputs)
    line = " ".join(arguments(info))
    assert line.startswith("grade population.extxyz result.extxyz --potential mattersim:potential.pth --threads 1")
    assert line.endswith("--training training.extxyz --committee mattersim:member_1_potential.pth")
    assert (folder / "member_1_potential.pth").read_bytes() == b"weights"


def test_grade_needs_something_to_grade_by(generate_calc_job, engine_code, copper, weights):
    with pytest.raises(ValueError, match="give the structures the potential was trained on"):
        generate_calc_job("anhcsp.grade", {"code": engine_code, "population": copper, "potential": weights})


def test_guarded_relaxation_brings_the_training_set_along(generate_calc_job, engine_code, copper, weights):
    inputs = {"code": engine_code, "population": copper, "potential": weights, "pressure": orm.Float(150)}
    inputs["guard"] = {"training": copper, "largest_grade": orm.Float(2.5)}
    info, _ = generate_calc_job("anhcsp.relax", inputs)
    guard = json.loads(arguments(info)[arguments(info).index("--potential") + 1].removeprefix("guarded:"))
    assert guard == {"potential": "mattersim:potential.pth", "training": "training.extxyz", "largest_grade": 2.5}
    assert "training.extxyz" in [target for _, _, target in info.local_copy_list]


def test_guard_by_an_error_brings_the_held_out_structures_along(generate_calc_job, engine_code, copper, weights):
    inputs = {"code": engine_code, "population": copper, "potential": weights, "pressure": orm.Float(150)}
    inputs["guard"] = {"training": copper, "held_out": copper, "largest_error": orm.Float(120)}
    info, _ = generate_calc_job("anhcsp.relax", inputs)
    guard = json.loads(arguments(info)[arguments(info).index("--potential") + 1].removeprefix("guarded:"))
    assert (guard["held_out"], guard["largest_error"]) == ("held_out.extxyz", 120.0)
    assert {"training.extxyz", "held_out.extxyz"} <= {target for _, _, target in info.local_copy_list}
    with pytest.raises(ValueError, match="guard: give largest_grade, or largest_error with held_out"):
        generate_calc_job("anhcsp.relax", {**inputs, "guard": {"training": copper}})


def test_grade_is_calibrated_on_held_out_structures(generate_calc_job, engine_code, copper, weights):
    inputs = {"code": engine_code, "population": copper, "potential": weights, "training": copper}
    inputs |= {"held_out": copper, "target_error": orm.Float(80)}
    info, _ = generate_calc_job("anhcsp.grade", inputs)
    assert " ".join(arguments(info)).endswith("--held-out held_out.extxyz --target-error 80.0")
    assert "result.calibration.json" in info.retrieve_list
    del inputs["held_out"]
    with pytest.raises(ValueError, match="target_error: give a positive error, with held_out"):
        generate_calc_job("anhcsp.grade", inputs)


def test_a_correction_brings_the_audited_run_and_the_labels(generate_calc_job, engine_code, state, copper):
    inputs = {"code": engine_code, "result": orm.Dict({"source": "audit"}), "dynamical_matrices": state}
    inputs |= {"audit": copper, "labels": copper, "settings": orm.Dict({"order": 1, "reminimise": True, "pressure": 5})}
    info, folder = generate_calc_job("anhcsp.correct", inputs)
    assert arguments(info)[:4] == ["correct", "sscha", "labels.extxyz", "correction.json"]
    assert sorted(arguments(info)[4:]) == ["--order", "--pressure", "--reminimise", "1", "5"]
    assert json.loads((folder / "sscha" / "result.json").read_text()) == {"source": "audit"}
    assert (folder / "sscha" / "dynamical_matrices" / "dyn1").is_file()
    assert {copy[2] for copy in info.local_copy_list} == {"sscha/audit.extxyz", "labels.extxyz"}


@pytest.mark.parametrize("settings", [{"order": 3}, {"ordre": 1}])
def test_bad_settings_of_a_correction_are_named(generate_calc_job, engine_code, state, copper, settings):
    inputs = {"code": engine_code, "result": orm.Dict({}), "dynamical_matrices": state, "audit": copper}
    with pytest.raises(ValueError, match=r"settings: .*ord"):
        generate_calc_job("anhcsp.correct", {**inputs, "labels": copper, "settings": orm.Dict(settings)})


def test_configurations_are_drawn_from_a_state(generate_calc_job, engine_code, state):
    inputs = {"code": engine_code, "dynamical_matrices": state, "settings": orm.Dict({"configurations": 9, "seed": 2})}
    info, folder = generate_calc_job("anhcsp.draw", inputs)
    assert arguments(info) == ["draw", "start", "result.extxyz", "--configurations", "9", "--seed", "2"]
    assert (folder / "start" / "structure.extxyz").is_file()


def test_a_step_takes_labels_and_a_potential(generate_calc_job, engine_code, emt, state, copper):
    settings = orm.Dict({"pressure": 130.0, "fixed_cell": True})
    inputs = {"code": engine_code, "dynamical_matrices": state, "labels": copper, "potential": emt}
    info, _ = generate_calc_job("anhcsp.step", {**inputs, "settings": settings})
    line = " ".join(arguments(info))
    assert line.startswith("step start labels.extxyz out --potential ase:ase.calculators.emt:EMT")
    assert "--pressure 130.0" in line and "--fixed-cell" in line
