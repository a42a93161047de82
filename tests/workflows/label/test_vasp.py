"""Labels by VASP: what comes back is what the executable computed, units and signs included."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from aiida.tools.archive.implementations.sqlite_zip.main import ArchiveFormatSqlZip
from aiida_vasp.data.potcar import PotcarFileData
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.frames import labels_of
from aiida_anhcsp.report.archive import write_archive
from aiida_anhcsp.workflows.label.vasp import VaspLabelWorkChain

from ..vasp_fixtures import POTCAR, potcar_family, vasp_code  # noqa: F401


def alloy(number: int) -> list:
    """Rattled, sheared Cu-Au cells whose elements alternate, as no POSCAR may have them."""
    rng = np.random.default_rng(3)
    frames = []
    for index in range(number):
        atoms = bulk("Cu", a=3.8, cubic=True)
        atoms.symbols[[0, 2]] = "Au"
        atoms.set_cell(atoms.cell @ (np.eye(3) + rng.normal(scale=0.04, size=(3, 3))), scale_atoms=True)
        atoms.positions += rng.normal(scale=0.1, size=(4, 3))
        atoms.info.update(id=f"g000-{index:04d}", generation=0)
        frames.append(atoms)
    return frames


@pytest.fixture
def inputs(vasp_code, potcar_family):  # noqa: F811
    return {"code": vasp_code, "potential_family": orm.Str(potcar_family)}


def test_energies_forces_and_stresses_equal_the_calculators_and_one_failure_costs_one_label(inputs):
    frames = alloy(3)
    frames[1].positions[1] = frames[1].positions[0] + [0.3, 0, 0]
    outputs, node = run_get_node(
        VaspLabelWorkChain,
        population=PopulationData.from_frames(frames),
        settings=orm.Dict({"incar": {"encut": 400}, "kpoints_spacing": 0.1}),
        **inputs,
    )
    assert node.is_finished_ok, node.exit_message
    report = outputs["report"].get_dict()
    assert report["labelled"] == 2
    assert list(report["failed"]) == ["g000-0001"]
    for frame, labelled in zip([frames[0], frames[2]], outputs["population"].get_frames(), strict=True):
        assert labelled.info["label_origin"] == "vasp"
        assert labelled.get_chemical_symbols() == frame.get_chemical_symbols()
        np.testing.assert_allclose(labelled.positions, frame.positions, atol=1e-7)
        frame.calc = EMT()
        labels = labels_of(labelled)
        assert labels["energy"] == pytest.approx(frame.get_potential_energy(), abs=1e-5)
        np.testing.assert_allclose(labels["forces"], frame.get_forces(), atol=1e-5)
        np.testing.assert_allclose(labels["stress"], frame.get_stress(), atol=1e-6)


def test_the_incar_and_the_mesh_reach_vasp(inputs):
    _, node = run_get_node(
        VaspLabelWorkChain,
        population=PopulationData.from_frames(alloy(1)),
        settings=orm.Dict({"incar": {"encut": 432}}),
        **inputs,
    )
    (job,) = [called for called in node.called_descendants if isinstance(called, orm.CalcJobNode)]
    incar = {line.split("=")[0].strip() for line in job.base.repository.get_object_content("INCAR").splitlines()}
    assert {"ENCUT", "GGA", "ISYM", "IBRION"} <= incar
    assert "432" in job.base.repository.get_object_content("INCAR")
    mesh = [int(number) for number in job.base.repository.get_object_content("KPOINTS").splitlines()[3].split()]
    lengths = np.linalg.norm(alloy(1)[0].cell.reciprocal()[:], axis=1)
    assert (np.array(mesh) >= lengths / 0.03 - 1e-6).all(), "spacing 0.03 in units of 2 pi/angstrom"


def potcars_in(path: Path) -> int:
    """How many POTCAR files an archive holds."""
    with ArchiveFormatSqlZip().open(path, "r") as archive:
        return archive.querybuilder().append(PotcarFileData).count()


def test_potcars_stay_out_of_an_archive_unless_they_are_asked_for(inputs, tmp_path):
    _, node = run_get_node(VaspLabelWorkChain, population=PopulationData.from_frames(alloy(1)), **inputs)
    mine, others = tmp_path / "mine.aiida", tmp_path / "others.aiida"
    assert potcars_in(write_archive(node, mine, with_potcars=True)) == 2
    assert potcars_in(write_archive(node, others)) == 0
    last = POTCAR.splitlines()[-1].encode()
    with zipfile.ZipFile(others) as archive:
        assert not any(last in archive.read(name) for name in archive.namelist())


def test_a_missing_potcar_is_refused_before_anything_is_submitted(inputs):
    frames = alloy(1)
    frames[0].symbols[:] = "Al"
    with pytest.raises(ValueError, match="potential_mapping: No POTCAR found for full name Al"):
        run_get_node(VaspLabelWorkChain, population=PopulationData.from_frames(frames), **inputs)


def test_a_missing_family_is_refused_before_anything_is_submitted(inputs):
    inputs["potential_family"] = orm.Str("PBE.99")
    with pytest.raises(ValueError, match=r"potential_family: no POTCAR family 'PBE\.99'"):
        run_get_node(VaspLabelWorkChain, population=PopulationData.from_frames(alloy(1)), **inputs)
