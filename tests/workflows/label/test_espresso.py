"""Labels by Quantum ESPRESSO: a recorded output, inputs, and a real run where pw.x is installed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.build import bulk
from ase.units import Ry

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.frames import labels_of
from aiida_anhcsp.workflows.label.espresso import EspressoLabelWorkChain, collect_pw, pw_input

RECORDED = Path(__file__).with_name("espresso.out")  # pw.x 6.7 of Debian 12 on the silicon cell below, at 20 Ry
PSEUDO = Path("/usr/share/espresso/pseudo/Si.pbe-rrkj.UPF")
JOBS = {"structure_0000": {"start": 0, "stop": 1}, "structure_0001": {"start": 1, "stop": 2, "failure": "killed"}}


def silicon(seed: int = 1) -> Atoms:
    atoms = bulk("Si")
    atoms.rattle(0.05, seed=seed)
    atoms.info["id"] = f"g000-{seed:04d}"
    return atoms


@pytest.fixture
def population() -> PopulationData:
    return PopulationData.from_frames([silicon(1), silicon(2)])


def test_labels_are_read_in_the_units_and_signs_of_ase(population: PopulationData) -> None:
    output = orm.SinglefileData.from_string(RECORDED.read_text(), "stdout")
    labels = collect_pw(population, orm.Dict({}), orm.Dict(JOBS), structure_0000=output)
    (frame,) = labels["population"].get_frames()
    assert labels_of(frame)["energy"] == pytest.approx(-15.71491141 * Ry, abs=1e-4)
    np.testing.assert_allclose(labels_of(frame)["forces"].sum(axis=0), 0, atol=1e-6)
    assert -np.mean(labels_of(frame)["stress"][:3]) * 1602.18 == pytest.approx(33.64, abs=0.02)
    assert labels["report"]["failed"] == {"g000-0002": "killed"}


def test_output_that_ends_half_way_costs_its_own_label_only(population: PopulationData) -> None:
    whole = RECORDED.read_text()
    half = orm.SinglefileData.from_string(whole[: len(whole) // 2], "stdout")
    good = orm.SinglefileData.from_string(whole, "stdout")
    jobs = orm.Dict({name: {"start": job["start"], "stop": job["stop"]} for name, job in JOBS.items()})
    labels = collect_pw(population, orm.Dict({}), jobs, structure_0000=good, structure_0001=half)
    assert labels["report"]["labelled"] == 1
    assert list(labels["report"]["failed"]) == ["g000-0002"]


@pytest.fixture
def pseudo(tmp_path: Path) -> orm.SinglefileData:
    (tmp_path / "Si.UPF").write_text("a pseudopotential")
    return orm.SinglefileData(tmp_path / "Si.UPF")


@pytest.mark.parametrize(("part", "jobs"), [(2, ["_again_1"]), (1, [])])
def test_run_that_was_cut_short_is_submitted_again(
    aiida_code_installed: Any,
    tmp_path: Path,
    population: PopulationData,
    pseudo: orm.SinglefileData,
    part: int,
    jobs: list[str],
) -> None:
    path, first = tmp_path / "pw.x", tmp_path / "first"
    path.write_text(
        f"#!/bin/bash\n[ -e {first} ] && exec cat {RECORDED}\n"
        f"touch {first}\nhead -c {len(RECORDED.read_text()) // part} {RECORDED}\nkill -9 $$\n"
    )
    path.chmod(0o755)
    outputs, node = run_get_node(
        EspressoLabelWorkChain,
        code=aiida_code_installed(filepath_executable=str(path)),
        population=population,
        pseudopotentials={"Si": pseudo},
        max_concurrent=1,
    )
    assert node.is_finished_ok, node.exit_message
    names = sorted(child.label for child in node.called if child.label.startswith("structure"))
    assert names == sorted(["structure_0000", "structure_0001", *[f"structure_0000{name}" for name in jobs]])
    assert outputs["report"]["labelled"] == 2


def test_k_points_are_as_close_as_asked(population: PopulationData) -> None:
    settings = orm.Dict({"kpoints_spacing": 0.6, "system": {"ecutwfc": 20.0}, "electrons": {}})
    text = pw_input(population, orm.Int(0), settings, orm.Dict({"Si": PSEUDO.name})).get_content()
    assert "4 4 4  0 0 0" in text  # 2.00 per angstrom along each reciprocal vector
    assert f"Si 28.085 {PSEUDO.name}" in text


def test_element_without_pseudopotential_is_refused(population: PopulationData) -> None:
    problem = EspressoLabelWorkChain.spec().inputs.validator({"population": population}, None)
    assert problem == "pseudopotentials: none for Si; give its UPF file"


@pytest.mark.skipif(shutil.which("pw.x") is None or not PSEUDO.is_file(), reason="needs Debian's quantum-espresso")
def test_real_labels_are_the_derivatives_of_the_energy(aiida_code_installed: Any) -> None:
    delta = 0.02
    plus, minus = silicon(), silicon()
    plus.positions[0, 0] += delta
    minus.positions[0, 0] -= delta
    for name, frame in (("p", plus), ("m", minus)):
        frame.info["id"] = name
    outputs, node = run_get_node(
        EspressoLabelWorkChain,
        code=aiida_code_installed(label="pw", filepath_executable=shutil.which("pw.x")),
        population=PopulationData.from_frames([silicon(), plus, minus]),
        pseudopotentials={"Si": orm.SinglefileData(PSEUDO)},
        settings=orm.Dict({"kpoints_spacing": 1.0, "system": {"ecutwfc": 15.0}}),
        max_concurrent=3,
    )
    assert node.is_finished_ok, node.exit_message
    middle, up, down = (labels_of(frame) for frame in outputs["population"].get_frames())
    assert middle["forces"][0, 0] == pytest.approx((down["energy"] - up["energy"]) / (2 * delta), abs=5e-3)
