"""What the training settings of a search are worth on the labels of its next round."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from click.testing import CliRunner

from aiida_anhcsp.engine.frames import write_frames

FOLDER = Path(__file__).parents[2] / "benchmarks" / "learning"
POTENTIAL = 'mtp:new:{"level": 4, "cutoff": 4.5}'


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)


def labelled(edge: float, number: int) -> Atoms:
    """Copper, further from its lattice constant the further it is from the hull."""
    atoms = bulk("Cu", a=edge)
    atoms.rattle(0.02, seed=number)
    atoms.calc = EMT()
    energy, forces, stress = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(voigt=False)
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
    atoms.info |= {"id": f"g{number:03d}", "round": number // 10 - 1, "split": "1:test"}
    return atoms


def test_a_round_is_foretold_from_those_before_it_by_what_is_near_the_hull(tmp_path: Path) -> None:
    from rounds import WINDOW, main

    edges = np.linspace(3.3, 4.0, 20)[np.random.default_rng(1).permutation(20)]
    frames = [labelled(edge, number) for number, edge in enumerate(edges)]
    write_frames(tmp_path / "labels.extxyz", frames)
    variants = {"one": {"seed": 1, "epochs": 5, "split": {"validation": 0, "test": 0}}}
    (tmp_path / "variants.yaml").write_text(yaml.safe_dump(variants))
    command = [str(tmp_path / name) for name in ("labels.extxyz", "variants.yaml", "result.json")]
    command += ["--potential", POTENTIAL, "--pressure", "0", "--rounds", "0"]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0
    found = json.loads((tmp_path / "result.json").read_text())["errors"]["one"]["0"]
    energies = np.array([frame.get_potential_energy() for frame in frames])
    near = energies - energies.min() <= WINDOW
    assert [found[part]["labels"] for part in ("learned", "new")] == [near[:10].sum(), near[10:].sum()]
    assert found["learned"]["rms"] < 20 and found["new"]["rms"] < 50


def test_a_focus_is_at_the_pressure_of_the_search() -> None:
    from rounds import settings_of

    for values in yaml.safe_load((FOLDER / "rounds.yaml").read_text()).values():
        focus = settings_of(values, 300.0).focus
        assert (focus.pressure if focus else None) == (300.0 if "focus" in values else None)
