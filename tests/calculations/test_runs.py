"""Jobs that really run the engine, without a daemon."""

from __future__ import annotations

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from aiida.plugins import CalculationFactory
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.eos import EquationOfState
from ase.units import GPa

from aiida_anhcsp.calculations.functions.population import rank_population
from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.frames import with_labels

SEARCH = {"formula": "Cu", "formula_units": "2-4", "pressure": 10, "population": 4, "generations": 2, "seed": 1}


@pytest.fixture
def job(engine_code):
    def factory(entry_point, **inputs):
        return run_get_node(CalculationFactory(entry_point), code=engine_code, **inputs)

    return factory


def test_copper_relaxes_to_the_volume_of_its_equation_of_state(job, copper, emt):
    outputs, node = job("anhcsp.relax", population=copper, potential=emt, pressure=orm.Float(5.0))
    assert node.is_finished_ok, node.exit_message
    volumes, energies = [], []
    for scale in np.linspace(0.94, 1.02, 9):
        atoms = bulk("Cu", cubic=True)
        atoms.set_cell(atoms.cell * scale, scale_atoms=True)
        atoms.calc = EMT()
        volumes.append(atoms.get_volume())
        energies.append(atoms.get_potential_energy() + 5.0 * GPa * atoms.get_volume())
    expected, lowest, _ = EquationOfState(volumes, energies, "sj").fit()
    for frame in outputs["population"].get_frames():
        assert frame.info["status"] == "converged"
        assert frame.get_volume() == pytest.approx(expected, rel=2e-3)
        assert frame.info["enthalpy"] == pytest.approx(lowest / 4, abs=1e-3)


def test_a_generation_and_its_offspring(job, emt):
    settings = orm.Dict(SEARCH)
    first, node = job("anhcsp.generate", settings=settings)
    assert node.is_finished_ok, node.exit_message
    relaxed, _ = job(
        "anhcsp.relax",
        population=first["population"],
        potential=emt,
        pressure=orm.Float(10),
        settings=orm.Dict({"fmax": 0.05, "max_steps": 50}),
    )
    ranked = rank_population(relaxed["population"], settings)
    second, node = job("anhcsp.vary", population=ranked, settings=settings, generation=orm.Int(1))
    assert node.is_finished_ok, node.exit_message
    assert [frame.info["id"] for frame in second["population"].get_frames()] == [f"g001-{n:04d}" for n in range(4)]


def test_an_impossible_formula_ends_with_the_words_of_the_engine(job):
    _, node = job("anhcsp.generate", settings=orm.Dict({**SEARCH, "formula": "Xq"}))
    assert node.exit_status == 310
    assert "formula" in node.exit_message


def test_a_new_potential_is_trained_and_can_be_evaluated(job):
    rng = np.random.default_rng(3)
    frames = []
    for index in range(20):
        atoms = bulk("Cu", cubic=True)
        atoms.positions += rng.normal(scale=0.08, size=(4, 3))
        atoms.info["id"] = f"cu{index:02d}"
        atoms.calc = EMT()
        labels = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
        frames.append(with_labels(atoms, *labels, label_origin="ase", label_settings="0123456789ab"))
    new = 'mattersim:new:{"num_blocks": 1, "units": 8, "max_l": 2, "max_n": 2, "cutoff": 4.0, "threebody_cutoff": 3.0}'
    outputs, node = job(
        "anhcsp.train",
        dataset=PopulationData.from_frames(frames),
        new=orm.Str(new),
        settings=orm.Dict({"epochs": 1, "seed": 1}),
    )
    assert node.is_finished_ok, node.exit_message
    assert {"train", "validation", "test"} <= set(outputs["metrics"]["after"])
    evaluated, node = job(
        "anhcsp.evaluate", population=PopulationData.from_frames(frames[:2]), potential=outputs["potential"]
    )
    assert node.is_finished_ok, node.exit_message
    assert evaluated["population"].base.attributes.get("statuses") == {"ok": 2}


def test_an_audit_continues_from_the_stage_before(job, emt):
    settings = {"pressure": 5.0, "temperature": 300, "stages": "2x2x2:20", "seed": 2, "audit": "none"}
    stage, node = job(
        "anhcsp.sscha",
        structure=orm.StructureData(ase=bulk("Cu", cubic=True)),
        potential=emt,
        settings=orm.Dict(settings),
    )
    assert {"result", "structure", "dynamical_matrices"} <= set(stage), node.exit_message
    audit, node = job(
        "anhcsp.sscha",
        start=stage["dynamical_matrices"],
        potential=emt,
        settings=orm.Dict({**settings, "audit": "only", "seed": 3}),
    )
    assert audit["audit"].count == 20, node.exit_message
    assert audit["result"]["n_atoms"] == len(stage["structure"].sites)


def test_a_job_runs_in_its_container(aiida_localhost, tmp_path, engine_code):
    container = tmp_path / "apptainer"
    container.write_text('#!/bin/sh\necho "$1 $2" > container\nshift 2\nexec "$@"\n')
    container.chmod(0o755)
    code = orm.ContainerizedCode(
        label="contained",
        computer=aiida_localhost,
        image_name="image.sif",
        filepath_executable=str(engine_code.filepath_executable),
        engine_command=f"{container} exec {{image_name}}",
    )
    settings, options = orm.Dict({**SEARCH, "population": 1}), {"additional_retrieve_list": ["container"]}
    outputs, node = run_get_node(
        CalculationFactory("anhcsp.generate"), code=code, settings=settings, metadata={"options": options}
    )
    assert node.is_finished_ok, node.exit_message
    assert outputs["population"].count == 1
    assert outputs["retrieved"].base.repository.get_object_content("container") == "exec image.sif\n"
