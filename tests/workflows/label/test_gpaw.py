"""Labels by GPAW through aiida-shell: real ones, and jobs that are killed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.frames import labels_of
from aiida_anhcsp.engine.labels import settings_hash
from aiida_anhcsp.workflows.gpaw_settings import GpawSettings
from aiida_anhcsp.workflows.label.gpaw import GpawLabelWorkChain

CHEAP = {"cutoff": 200, "kpoints_spacing": 2.0, "smearing": 0.2}
KILLED = """#!/bin/bash
# in the place of python3: writes one label and half of another, then dies as if killed; after index 5 it writes none
[ $5 -gt 5 ] && kill -9 $$
cat > "$4" <<END
1
Properties=species:S:1:pos:R:3:forces:R:3 Lattice="2 0 0 0 2 0 0 0 2" index=$5 status=ok energy=-1.5 \
stress="1 6 5 6 2 4 5 4 3" pbc="T T T"
H 0 0 0 0.5 0 0
1
Properties=species:S:1:pos:R:3 Lattice="2 0 0 0 2
END
kill -9 $$
"""


def has_gpaw() -> bool:
    command = ["/usr/bin/python3", "-c", "import gpaw"]
    return Path(command[0]).exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def hydrogen(number):
    frames = []
    for index in range(number):
        atoms = Atoms("H2", positions=[[0, 0, 0], [0.9 + 0.1 * index, 0.1, 0]], cell=[1.8, 1.9, 2.0], pbc=True)
        atoms.info.update(id=f"g000-{index:04d}")
        frames.append(atoms)
    return frames


@pytest.fixture
def killed(aiida_code_installed, tmp_path):
    path = tmp_path / "killed"
    path.write_text(KILLED)
    path.chmod(0o755)
    return aiida_code_installed(filepath_executable=str(path))


@pytest.mark.skipif(not has_gpaw(), reason="needs Debian's gpaw and gpaw-data")
def test_forces_and_stress_are_the_derivatives_of_the_energy(system_python):
    atoms, plus, minus, wide, narrow = (hydrogen(1)[0] for _ in range(5))
    delta = 0.02
    plus.positions[1, 0] += delta
    minus.positions[1, 0] -= delta
    strain = np.diag([1 + delta, 1, 1])
    wide.set_cell(atoms.cell @ strain, scale_atoms=True)
    narrow.set_cell(atoms.cell @ (2 * np.eye(3) - strain), scale_atoms=True)
    population = PopulationData.from_frames([atoms, plus, minus, wide, narrow])
    outputs, node = run_get_node(
        GpawLabelWorkChain,
        population=population,
        code=system_python,
        settings=orm.Dict({**CHEAP, "cutoff": 600, "energy_tolerance": 1e-7}),
        chunk_size=orm.Int(3),
    )
    assert node.is_finished_ok
    here, *others = (labels_of(frame) for frame in outputs["population"].get_frames())
    up, down, longer, shorter = (labels["energy"] for labels in others)
    assert here["forces"][1, 0] == pytest.approx(-(up - down) / (2 * delta), abs=0.02)
    assert here["stress"][0] == pytest.approx((longer - shorter) / (2 * delta) / atoms.get_volume(), abs=0.02)
    expected = settings_hash("gpaw", {**GpawSettings.defaults(), **CHEAP, "cutoff": 600, "energy_tolerance": 1e-7})
    assert outputs["report"]["label_settings"] == expected


@pytest.mark.skipif(not has_gpaw(), reason="needs Debian's gpaw and gpaw-data")
def test_spin_lowers_the_energy_of_an_atom_by_itself_and_is_another_setting(system_python):
    population = PopulationData.from_frames([Atoms("H", cell=[5, 5, 5], pbc=True, info={"id": "h"})])
    labels, settings = [], []
    for spin in ({}, {"magnetic_moment": 1.0}):
        outputs, node = run_get_node(
            GpawLabelWorkChain, population=population, code=system_python, settings=orm.Dict({**CHEAP, **spin})
        )
        assert node.is_finished_ok
        labels.append(labels_of(outputs["population"].get_frames()[0])["energy"])
        settings.append(outputs["report"]["label_settings"])
    assert labels[0] - labels[1] == pytest.approx(0.9, abs=0.4)
    assert settings[0] != settings[1]


def cells(number):
    return PopulationData.from_frames(
        [Atoms("H", cell=[2, 2, 2], pbc=True, info={"id": f"h{index}"}) for index in range(number)]
    )


def labels_of_jobs(node):
    return sorted(child.label for child in node.called if child.label.startswith("chunk"))


def test_a_killed_job_keeps_its_labels_and_only_the_others_are_submitted_again(killed):
    outputs, node = run_get_node(GpawLabelWorkChain, population=cells(3), code=killed, chunk_size=orm.Int(3))
    assert node.is_finished_ok
    labelled = outputs["population"].get_frames()
    assert [frame.info["id"] for frame in labelled] == ["h0", "h1", "h2"]
    np.testing.assert_array_equal(labels_of(labelled[1])["stress"], [1, 2, 3, 4, 5, 6])
    jobs = {child.label: child.inputs.arguments.get_list()[-2:] for child in node.called if "arguments" in child.inputs}
    assert jobs == {"chunk_000": ["0", "3"], "chunk_000_again_1": ["1", "3"], "chunk_000_again_2": ["2", "3"]}
    assert outputs["report"]["failed"] == {}


def test_attempts_end_and_the_structures_left_are_named(killed):
    outputs, node = run_get_node(
        GpawLabelWorkChain, population=cells(4), code=killed, chunk_size=orm.Int(4), max_attempts=orm.Int(2)
    )
    assert node.is_finished_ok and labels_of_jobs(node) == ["chunk_000", "chunk_000_again_1"]
    failed = outputs["report"]["failed"]
    assert set(failed) == {"h2", "h3"}
    assert "137" in failed["h2"] and failed["h2"].endswith("job 2 of it")


def test_structure_that_kills_two_jobs_is_passed_over(killed):
    """The script does nothing from index 6 on, and does one structure a job before."""
    outputs, node = run_get_node(
        GpawLabelWorkChain,
        population=cells(8),
        code=killed,
        chunk_size=orm.Int(6),
        max_attempts=orm.Int(3),
        max_concurrent=1,
        max_failed_fraction=orm.Float(1.0),
    )
    arguments = {child.label: child.inputs.arguments.get_list() for child in node.called if "arguments" in child.inputs}
    starts = {label: command[-2] for label, command in arguments.items() if "001" in label}
    assert starts == {"chunk_001": "6", "chunk_001_again_1": "6", "chunk_001_again_2": "7"}
    assert {"h6", "h7"} <= set(outputs["report"]["failed"])


def test_script_that_never_works_is_tried_a_stated_number_of_times(aiida_code_installed, tmp_path):
    path = tmp_path / "broken"
    path.write_text("#!/bin/bash\nexit 1\n")
    path.chmod(0o755)
    code = aiida_code_installed(filepath_executable=str(path))
    _, node = run_get_node(GpawLabelWorkChain, population=cells(1), code=code, max_attempts=orm.Int(2))
    assert node.exit_status == 401 and labels_of_jobs(node) == ["chunk_000", "chunk_000_again_1"]


def test_an_unknown_setting_is_refused(killed, copper):
    with pytest.raises(ValueError, match=r"settings\.encut"):
        run_get_node(GpawLabelWorkChain, population=copper, code=killed, settings=orm.Dict({"encut": 500}))
