import json
import os
import signal
from pathlib import Path

from ase import Atoms
from ase.calculators.emt import EMT
from ase.io import read

from aiida_anhcsp.engine.frames import labels_of, read_frames, write_frames
from aiida_anhcsp.engine.sscha.run import run_sscha
from aiida_anhcsp.engine.sscha.settings import Audit, Minimisation, SschaSettings, parse_stages
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


def without_time(result: dict) -> dict:
    return {key: value for key, value in result.items() if key not in ("wall_time", "stages", "n_evaluations")}


def test_stages_run_one_by_one_equal_stages_run_together(tmp_path):
    structure = written(copper_gold(), tmp_path)
    choice = PotentialChoice(EMT_SPECIFICATION)
    together = run_sscha(structure, tmp_path / "all", choice, settings("1x1x1:20,2x1x1:10", max_populations=2))
    run_sscha(structure, tmp_path / "1", choice, settings("1x1x1:20", "none", 2))
    run_sscha(structure, tmp_path / "2", choice, settings("2x1x1:10", "none", 2), start=tmp_path / "1")
    alone = run_sscha(structure, tmp_path / "3", choice, settings("2x1x1:10", "only", 2), start=tmp_path / "2")
    assert without_time(alone)["gibbs_free_energy"] == together["gibbs_free_energy"]
    assert (tmp_path / "3/audit.extxyz").read_text() == (tmp_path / "all/audit.extxyz").read_text()
    assert (tmp_path / "2/dynamical_matrices/dyn1").read_text() == (
        tmp_path / "all/dynamical_matrices/dyn1"
    ).read_text()


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
    assert sum("population" in line for line in lines) == result["stages"][0]["populations"]
    assert all("1x1x1:20" in line for line in lines)


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
