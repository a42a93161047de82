"""A search through the real daemon."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators import emt
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.units import GPa

from aiida_anhcsp.engine.frames import read_frames

from .conftest import BIN, program

EMT = "ase:ase.calculators.emt:EMT"


def search_keys(population: int, steps: int = 60) -> dict[str, Any]:
    """Cu3Au at 10 GPa."""
    return {
        "formula": "Cu3Au",
        "pressure": 10,
        "population": population,
        "generations": 2,
        "seed": 4,
        "relax": {"fmax": 0.05, "max_steps": steps},
    }


@pytest.fixture(scope="module")
def small_search(launch: Callable) -> Any:
    """A search of two generations of 16."""
    return launch("search", {"potential": EMT, "search": search_keys(16)})


def nodes_by_generation(search: Any) -> Counter[str]:
    """Nodes that each generation made: processes and the data they returned or created."""
    counts: Counter[str] = Counter()
    for child in search.called:
        created = child.base.links.get_outgoing().all_nodes()
        counts[child.label.rsplit("_", 1)[0]] += 1 + len(created)
    return counts


def lowest_of(search: Any) -> Atoms:
    """The structure of lowest enthalpy."""
    frames = search.outputs.population.get_frames()
    return min(frames, key=lambda frame: frame.info.get("enthalpy", np.inf))


def test_search_finds_an_ordered_alloy_at_least_as_low_as_l12(small_search: Any) -> None:
    assert small_search.is_finished_ok
    l12 = bulk("Cu", a=3.75, cubic=True)
    l12.symbols[0] = "Au"
    l12.calc = emt.EMT()
    BFGS(FrechetCellFilter(l12, scalar_pressure=10 * GPa), logfile=None).run(fmax=0.01, steps=200)
    enthalpy = (l12.get_potential_energy() + 10 * GPa * l12.get_volume()) / 4
    assert lowest_of(small_search).info["enthalpy"] < enthalpy + 1e-3


def test_search_equals_the_engine_frame_by_frame(small_search: Any, tmp_path: Path) -> None:
    settings = tmp_path / "SEARCH.yaml"
    settings.write_text(yaml.safe_dump({**search_keys(16), "potential": EMT}))
    subprocess.run([BIN / "anhcsp-engine", "search", settings, tmp_path / "out"], check=True, capture_output=True)
    alone = read_frames(tmp_path / "out" / "population.extxyz")
    together = small_search.outputs.population.get_frames()
    assert [frame.info["id"] for frame in together] == [frame.info["id"] for frame in alone]
    for ours, theirs in zip(together, alone, strict=True):
        assert np.array_equal(ours.positions, theirs.positions)
        assert np.array_equal(ours.cell[:], theirs.cell[:])
        assert ours.info.get("enthalpy") == theirs.info.get("enthalpy")


def test_number_of_nodes_does_not_grow_with_the_population(small_search: Any, launch: Callable) -> None:
    large = launch("search", {"potential": EMT, "search": search_keys(200, steps=5)})
    assert large.outputs.population.count == 400
    assert nodes_by_generation(large) == nodes_by_generation(small_search)


def test_ranking_and_status_of_a_finished_search_are_readable(small_search: Any) -> None:
    lowest = lowest_of(small_search).info
    first = program("ranking", str(small_search.pk)).splitlines()[2]
    assert lowest["id"] in first
    assert lowest["spacegroup"] in first
    assert "generation 2 of 2" in program("status", str(small_search.pk))


def test_export_writes_archive_structures_and_plot(small_search: Any, tmp_path: Path) -> None:
    program("export", str(small_search.pk), str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {
        "archive.aiida",
        "enthalpy_by_generation.png",
        "ranking.csv",
        "structures",
    }
    cif = sorted((tmp_path / "structures").iterdir())[0].read_text()
    assert lowest_of(small_search).info["spacegroup"] in cif
