import json
import os
import signal
from pathlib import Path

from ase import Atoms
from ase.calculators.emt import EMT
from ase.io import read

from aiida_anhcsp.engine.frames import labels_of, read_frames, write_frames
from aiida_anhcsp.engine.sscha.lattice import primitive_cell
from aiida_anhcsp.engine.sscha.run import run_sscha
from aiida_anhcsp.engine.sscha.settings import Audit, Minimisation, SschaSettings, parse_stages
from aiida_anhcsp.engine.sscha.tasks import run_audit, run_stage
from aiida_anhcsp.engine.sscha.worker import PotentialChoice

from .conftest import EMT as EMT_SPECIFICATION
from .conftest import toy
from .copper_gold import copper_gold
from .toy import crystal


class KillsItself(EMT):
    """As a segmentation fault would."""

    def calculate(self, *arguments: object, **keywords: object) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


def settings(stages: str, audit: Audit = "also", max_populations: int = 20) -> SschaSettings:
    return SschaSettings(
        pressure=5.0,
        temperature=0.0,
        stages=parse_stages(stages),
        seed=1,
        audit=audit,
        minimisation=Minimisation(max_populations=max_populations),
    )


def written(atoms: Atoms, folder: Path) -> Path:
    path = folder / "input.extxyz"
    write_frames(path, [atoms])
    return path


def test_stages_run_one_by_one_equal_stages_run_together(tmp_path, emt):
    chosen = settings("1x1x1:10,2x2x2:4", max_populations=1)
    first, second = chosen.stages
    together = run_sscha(written(copper_gold(), tmp_path), tmp_path / "all", PotentialChoice(EMT_SPECIFICATION), chosen)
    atoms = primitive_cell(copper_gold(), chosen.symmetry_tolerance)
    run_stage(emt, atoms, first, chosen, chosen.minimisation, tmp_path / "1", tmp_path / "now")
    run_stage(emt, tmp_path / "1", second, chosen, chosen.minimisation, tmp_path / "2", tmp_path / "now")
    audited = run_audit(emt, tmp_path / "2", second, chosen, tmp_path / "3").outcome.measurement
    assert audited.free_energy.value == together["free_energy"]
    for name in ("audit.extxyz", "structure.extxyz", "dynamical_matrices/dyn1"):
        assert (tmp_path / "3" / name).read_text() == (tmp_path / "all" / name).read_text()


def test_the_result_is_complete_and_comes_from_the_audit(tmp_path):
    supercell = crystal() * (2, 1, 1)
    result = run_sscha(written(supercell, tmp_path), tmp_path / "out", PotentialChoice(toy()), settings("1x1x1:40"))
    assert json.loads((tmp_path / "out/result.json").read_text()) == result
    assert result["converged"] and result["source"] == "audit"
    assert (result["n_atoms_given"], result["n_atoms"]) == (4, 2)
    assert result["spacegroup_initial"] == result["spacegroup_final"] == "Pm-3m"
    assert result["stages"][0]["converged"]
    assert result["gibbs_free_energy"] != result["stages"][0]["gibbs_free_energy"]
    frames = read_frames(tmp_path / "out/audit.extxyz")
    assert len(frames) == 40
    assert set(labels_of(frames[0])) == {"energy", "forces", "stress"}
    assert [frame.info["id"] for frame in frames[:2]] == ["a0000", "a0001"]
    assert len(read(tmp_path / "out/structure.extxyz")) == 2
    assert (tmp_path / "out/python-sscha.log").stat().st_size > 0


def test_the_terminal_sees_a_line_per_population_and_nothing_else(tmp_path, capfd):
    result = run_sscha(written(crystal(), tmp_path), tmp_path / "out", PotentialChoice(toy()), settings("1x1x1:20"))
    standard_output, standard_error = capfd.readouterr()
    assert standard_output == ""
    lines = standard_error.strip().splitlines()
    assert sum("1x1x1:20 population" in line for line in lines) == result["stages"][0]["populations"]
    assert len(lines) <= result["stages"][0]["populations"] + 3


def test_a_crash_becomes_a_status(tmp_path, monkeypatch):
    specification = f"ase:{__name__}:KillsItself"
    result = run_sscha(
        written(copper_gold(), tmp_path), tmp_path / "out", PotentialChoice(specification), settings("1x1x1:20")
    )
    assert not result["converged"]
    assert "SIGSEGV" in result["reason"]
    assert "gibbs_free_energy" not in result


def test_no_convergence_is_reported_and_still_audited(tmp_path):
    chosen = settings("1x1x1:20", max_populations=1)
    result = run_sscha(written(crystal(), tmp_path), tmp_path / "out", PotentialChoice(toy()), chosen)
    assert not result["converged"]
    assert "has not converged after 1 populations" in result["reason"]
    assert result["source"] == "audit"
