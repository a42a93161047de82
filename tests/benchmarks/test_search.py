"""The statistics and the ionic potential of the comparison of searches."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.filters import FrechetCellFilter
from ase.io import read
from ase.optimize import BFGS
from ase.spacegroup import crystal

FOLDER = Path(__file__).parents[2] / "benchmarks" / "search"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)


def test_without_early_ends_the_median_is_that_of_the_hits() -> None:
    from survival import median_time

    assert median_time([40, None, 10, 30], [200] * 4) == 30
    assert median_time([40, None, None, 30, None], [200] * 5) is None
    for number in range(2, 21):
        assert median_time(list(range(1, number + 1)), [200] * number) == (number + 1) // 2


def test_a_search_that_ended_early_says_nothing_of_later_hits() -> None:
    from survival import median_time

    assert median_time([None, None, 20, 30], [10, 10, 200, 200]) == 20


def test_interval_of_a_share_is_wilsons() -> None:
    from survival import wilson

    assert wilson(7, 20) == pytest.approx((0.1812, 0.5671), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_shares_are_of_the_peer_that_hits_first() -> None:
    from table import shares

    def searches(*hits: int) -> dict[str, dict[str, list[float]]]:
        return {str(i): {"enthalpies": [0.1] * (hit - 1) + [0.0] + [0.1] * (200 - hit)} for i, hit in enumerate(hits)}

    ours = {"ours": searches(4, 8, 6), "ours, no niching": searches(1)}
    beside = {"system": "X", "searches": {**ours, "pyxtal": searches(50, 60, 70), "cryspy": searches(20, 30, 10)}}
    assert shares(beside) == {"ours": 0.3}
    assert shares({"system": "X", "searches": ours}) == {}


def test_a_row_counts_hits_and_the_force_calls_they_took() -> None:
    from table import row

    def search(hit: int) -> dict[str, object]:
        enthalpies = [0.1] * (hit - 1) + [0.0] + [0.1] * (200 - hit)
        return {
            "enthalpies": enthalpies,
            "force_calls": [None] + [10] * 199,
            "distinct": [0.0, 0.04, 0.06],
            "cpu_time": 3,
        }

    cells = row("ours", [search(3), search(60), search(40)], 0.0)
    assert cells[:2] == ["ours", "3"]
    assert cells[2].startswith("2 [") and cells[3].startswith("3 [")
    assert cells[4:] == ["40", "390", "2", "1990", "3"]


def test_point_charges_have_the_energy_of_madelung() -> None:
    from buckingham import COULOMB, Buckingham

    nothing = dict.fromkeys([("Cl", "Cl"), ("Cl", "Na"), ("Na", "Na")], (0.0, 1.0, 0.0))
    salt = bulk("NaCl", "rocksalt", a=5.64)
    salt.calc = Buckingham({"Na": 1.0, "Cl": -1.0}, nothing)
    assert salt.get_potential_energy() == pytest.approx(-1.747565 * COULOMB / 2.82, rel=1e-5)


@pytest.fixture
def rutile() -> Atoms:
    """As measured."""
    from buckingham import titania

    lattice = [4.594, 4.594, 2.958, 90, 90, 90]
    atoms = crystal(["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)], spacegroup=136, cellpar=lattice)
    return Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True, calculator=titania())


def test_rutile_has_the_lattice_of_the_paper(rutile: Atoms) -> None:
    BFGS(FrechetCellFilter(rutile), logfile=None).run(fmax=0.01, steps=50)
    np.testing.assert_allclose(sorted(rutile.cell.lengths()), [3.008, 4.493, 4.493], atol=0.002)


def test_forces_and_stress_are_derivatives_of_the_energy(rutile: Atoms) -> None:
    rng = np.random.default_rng(1)
    rutile.set_cell(rutile.cell.array + 0.1 * rng.normal(size=(3, 3)), scale_atoms=True)
    rutile.rattle(0.1, seed=1)
    np.testing.assert_allclose(rutile.get_forces(), calculate_numerical_forces(rutile, 1e-4), atol=1e-4)
    numerical = calculate_numerical_stress(rutile, 1e-4, voigt=True, force_consistent=False)
    np.testing.assert_allclose(rutile.get_stress(), numerical, atol=2e-4)


@pytest.mark.parametrize("system", ["silicon", "carbon", "metals"])
def test_faster_neighbours_change_no_potential(system: str) -> None:
    matscipy = pytest.importorskip("matscipy.calculators.manybody")
    import potentials as fast
    from ase.calculators.emt import EMT

    forms = fast.StillingerWeber, fast.TersoffBrenner
    parameters = fast.Stillinger_Weber_PRB_31_5262_Si, fast.Tersoff_PRB_39_5566_Si_C
    frame = {"silicon": bulk("Si", cubic=True), "carbon": bulk("C"), "metals": bulk("Cu") * (2, 2, 1)}[system]
    if system == "metals":
        frame.symbols[1] = "Au"
        calculators = fast.Metals(), EMT()
    else:
        place = ["silicon", "carbon"].index(system)
        calculators = getattr(fast, system)(), matscipy.Manybody(**forms[place](parameters[place]))
    frame.rattle(0.1, seed=1)
    labels = []
    for calculator in calculators:
        frame.calc = calculator
        labels.append(np.concatenate([[frame.get_potential_energy()], frame.get_forces().ravel(), frame.get_stress()]))
    assert labels[0] == pytest.approx(labels[1], abs=1e-10)


def test_inputs_of_cryspy_are_those_that_were_committed() -> None:
    from inputs import inputs

    folder = FOLDER / "cryspy"
    assert {path.name: path.read_text() for path in folder.glob("*.in")} == inputs()


def test_depth_of_a_hull_is_counted_from_the_lowest_elements_of_all_searches() -> None:
    from depth import depths, lowest_elements, means, search_of

    settings = search_of(population=2, seed=1)
    searches = {
        "one": [("Cu", -1.0), ("CuAu", -1.9), ("Au2", -1.8), ("CuAu", 3.0)],
        "other": [("Cu2", -0.9), ("Au", -2.0), ("CuAu", 0.0), ("CuAu", 0.0)],
    }
    results = {}
    for name, pairs in searches.items():
        frames = [Atoms(formula, info={"status": "converged", "enthalpy": value}) for formula, value in pairs]
        results[name] = {"1": {"hull_mean": means(frames, settings), "elements": lowest_elements(frames)}}
    shares = np.array([cell.symbols.count("Au") / cell.n_atoms for cell in settings.compositions()])
    expected = np.interp(shares, [0, 0.5, 1], [0, 0.4, -0.2]).mean(), (0.1 * (shares - 1)).mean()
    found = depths(results)
    assert found["one"]["1"] == [None, pytest.approx(1000 * expected[0], abs=0.01)]
    assert found["other"]["1"] == pytest.approx([1000 * expected[1]] * 2, abs=0.01)


def test_depths_are_compared_seed_by_seed_as_far_as_both_searches_went() -> None:
    from depth import tables

    def record(value: float, generations: int) -> dict[str, object]:
        return {"hull_mean": [value] * generations, "elements": {"Cu": 0.0, "Au": 0.0}}

    one = {"0": record(-0.004, 16), "1": record(-0.006, 8), "2": record(-0.009, 3)}
    other = {"1": record(-0.005, 8), "0": record(-0.001, 8)}
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in tables({"one": one, "other": other}).split("\n")
    ]
    assert cells[2] == ["one", "5.00 ± 1.00 (2)", "5.00 ± 1.00 (2)", "", ""]
    assert cells[3] == ["other", "3.00 ± 2.00 (2)", "3.00 ± 2.00 (2)", "", ""]
    assert cells[7] == ["one ahead of other", "2.00 ± 1.00 (2)", "2.00 ± 1.00 (2)", "", ""]


CRYSPY = {
    "__init__": "",
    "action": """
from cryspy.interactive import restart_interact
from pymatgen.core import Lattice, Structure


def initialize():
    print("begun")


def restart(njob, calculator, optimizer):
    for edge in (3.5, 3.8):
        cell = Structure(Lattice.cubic(edge), ["Cu", "Au"], [[0, 0, 0], [0.5, 0.5, 0.5]])
        relaxed, energy, converged = restart_interact.opt_ase("", cell, calculator, optimizer)
        print(converged, energy, relaxed.volume)
""",
    "restart_interact": "opt_ase = None",
}
"""What of CrySPY drives a search structure by structure; two at a time here."""


def test_cryspy_is_driven_until_enough_is_relaxed_by_the_relaxer_of_the_others(tmp_path: Path) -> None:
    package = tmp_path / "cryspy" / "interactive"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    for name, text in CRYSPY.items():
        (package / f"{name}.py").write_text(text)
    for script in ("ase_in.py", "over_compositions.py"):
        shutil.copy(FOLDER / "cryspy" / script, tmp_path)
    environment = {**os.environ, "SEARCH_BENCHMARK": str(FOLDER), "SEARCH_SYSTEM": "cu8au8"}
    command = [sys.executable, "-W", "ignore", "over_compositions.py", "3"]
    output = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout
    frames = read(tmp_path / "relaxed.extxyz", index=":")
    assert [frame.info["status"] for frame in frames] == ["converged"] * 4
    begun, *rows = output.splitlines()
    assert begun == "begun" and len(rows) == 4
    for row, frame in zip(rows, frames, strict=True):
        converged, energy, volume = row.split()
        assert converged == "True" and float(energy) == pytest.approx(2 * frame.info["enthalpy"])
        assert float(volume) == pytest.approx(frame.get_volume())


def test_a_crystal_that_its_symmetry_holds_on_a_saddle_is_no_minimum() -> None:
    from minima import minima
    from systems import EMT, RELAX, SYSTEMS

    from aiida_anhcsp.engine.potentials import load_potential
    from aiida_anhcsp.engine.relaxation import RelaxSettings, relax

    crystals = [bulk("Cu", lattice, a=edge) for lattice, edge in (("fcc", 3.6), ("bcc", 2.87))]
    frames = relax(crystals, load_potential(EMT), 0.0, RelaxSettings(**RELAX))
    assert [frame.info["spacegroup"] for frame in frames] == ["Fm-3m", "Im-3m"]
    assert minima(frames, "cu8au8", SYSTEMS["cu8au8"].settings(0)) == {"distinct": 2, "fell": 1, "minima": 1}
