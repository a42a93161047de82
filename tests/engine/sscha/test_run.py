import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from ase.io import read

from aiida_anhcsp.engine.frames import labels_of, read_frames, write_frames
from aiida_anhcsp.engine.sscha.dynamics import harmonic, save, to_structure
from aiida_anhcsp.engine.sscha.lattice import primitive_cell
from aiida_anhcsp.engine.sscha.run import run_sscha
from aiida_anhcsp.engine.sscha.settings import Audit, Minimisation, SschaSettings, parse_stages
from aiida_anhcsp.engine.sscha.tasks import run_audit, run_stage
from aiida_anhcsp.engine.sscha.worker import PotentialChoice

from .conftest import EMT as EMT_SPECIFICATION
from .conftest import toy
from .copper_gold import copper_gold
from .test_beginning import nearly_primitive
from .toy import QuarticBond, crystal


class KillsItself(EMT):
    """As a segmentation fault would."""

    def calculate(self, *arguments: object, **keywords: object) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class DiesAtTimes(QuarticBond):
    """The toy in a process that dies at some of its evaluations, which a file counts over all processes."""

    def __init__(self, counter: str, at: list[int]) -> None:
        super().__init__()
        self.counter, self.at = Path(counter), at

    def calculate(self, *arguments: Any, **keywords: Any) -> None:
        with self.counter.open("a") as file:
            file.write(".")
        if self.counter.stat().st_size in self.at:
            os.kill(os.getpid(), signal.SIGSEGV)
        super().calculate(*arguments, **keywords)


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


def test_processes_share_the_populations_and_change_nothing(tmp_path):
    chosen = settings("1x1x1:20", max_populations=2)
    alone, shared = (
        run_sscha(written(crystal(), tmp_path), tmp_path / str(processes), choice, chosen)
        for processes in (1, 2)
        for choice in [PotentialChoice(toy(), batch_atoms=8, processes=processes)]
    )
    assert shared == alone


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


def test_minimisations_without_an_end_are_tried_again_and_given_up(tmp_path):
    chosen = replace(settings("1x1x1:20"), minimisation=Minimisation(max_steps=3))
    result = run_sscha(written(crystal(), tmp_path), tmp_path / "out", PotentialChoice(toy()), chosen)
    assert not result["converged"]
    assert result["reason"].startswith("stage 1x1x1:20 failed 3 times")
    assert "python-sscha came to no end in 3 steps on one ensemble" in result["reason"]


BEFORE = 1 + 12 + 13
"""Evaluations of the toy before its first population: the check, the harmonic start, and those of the stage."""


def populations(terminal: str) -> list[str]:
    """Numbers of the populations that the terminal saw."""
    return re.findall(r"1x1x1:20 population (\d+)", terminal)


def dying(tmp_path: Path, at: list[int]) -> dict[str, Any]:
    options = json.dumps({"counter": str(tmp_path / "counter"), "at": at})
    choice = PotentialChoice(f"ase:{__name__}:DiesAtTimes:{options}")
    return run_sscha(written(crystal(), tmp_path), tmp_path / "out", choice, settings("1x1x1:20", audit="none"))


def test_a_stage_whose_process_died_goes_on_after_its_last_population(tmp_path, capfd):
    result = dying(tmp_path, [BEFORE + 2 * 20 + 5])
    (stage,) = result["stages"]
    assert result["converged"] and stage["attempts"] == 2
    assert populations(capfd.readouterr().err) == [str(number) for number in range(1, stage["populations"] + 1)]
    assert stage["populations"] > 2
    assert stage["n_evaluations"] == 2 * 13 + stage["populations"] * 20
    assert result["volume"] == pytest.approx(24.3, rel=0.01)
    assert not list((tmp_path / "out/stages").rglob("progress.json"))


def test_a_state_that_nothing_comes_of_is_not_gone_on_from_again(tmp_path, capfd):
    first = BEFORE + 2 * 20 + 5
    result = dying(tmp_path, [first, first + 13 + 5])
    assert result["converged"] and result["stages"][0]["attempts"] == 3
    assert populations(capfd.readouterr().err)[:4] == ["1", "2", "1", "2"]


def test_a_state_that_has_come_close_to_a_smaller_cell_is_a_start_of_its_own(tmp_path, emt):
    save(harmonic(to_structure(nearly_primitive()), (2, 2, 2), emt), tmp_path / "earlier", 0)
    chosen = settings("2x2x2:4", audit="none", max_populations=1)
    structure, start = tmp_path / "earlier/structure.extxyz", tmp_path / "earlier"
    result = run_sscha(structure, tmp_path / "out", PotentialChoice(EMT_SPECIFICATION), chosen, start)
    assert (result["n_atoms_given"], result["n_atoms"]) == (2, 2)
    assert result["stages"][0]["populations"] == 1
