"""A fitness function of the user's own, installed as a package with an entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.search.loop import search, summary
from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings

KEYS = {"formula": "CuAu", "population": 4, "generations": 2, "seed": 1, "relax": {"fmax": 0.1, "max_steps": 60}}
MODULE = """
def density(frames):
    return [frame.get_volume() / len(frame) for frame in frames]


def short(frames):
    return [0.0]


def infinite(frames):
    return [float("nan") for _ in frames]
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package ``users_fitness``."""
    (tmp_path / "users_fitness.py").write_text(MODULE)
    folder = tmp_path / "users_fitness-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: users-fitness\nVersion: 1.0\n")
    names = "\n".join(f"{name} = users_fitness:{name}" for name in ("density", "short", "infinite"))
    (folder / "entry_points.txt").write_text(f"[anhcsp.fitness]\n{names}\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_user_s_function_ranks_and_stops_the_search(tmp_path: Path) -> None:
    keys = {**KEYS, "fitness": "density", "generations": 9, "stop": {"generations_without_better": 1}}
    settings = SearchSettings.parse(keys)
    population = search(settings, load_potential("ase:ase.calculators.emt:EMT"), tmp_path / "out")
    ranked = [frame for frame in population if "rank" in frame.info]
    ranked.sort(key=lambda frame: frame.info["rank"])
    volumes = [frame.get_volume() / len(frame) for frame in ranked]
    assert volumes == sorted(volumes)
    assert [frame.info["fitness"] for frame in ranked] == pytest.approx(volumes, abs=1e-6)
    generations = {frame.info["generation"] for frame in population}
    best = {g: min(f.info["fitness"] for f in population if f.info["generation"] <= g) for g in generations}
    last = max(generations)
    assert last == 8 or best[last] > best[last - 1] - settings.stop.better_by


def test_the_history_has_the_lowest_enthalpy_whatever_ranks(ranked_h3s) -> None:
    settings = SearchSettings.parse({**KEYS, "formula": "H3S", "formula_units": "1-2", "fitness": "density"})
    population = rank(ranked_h3s, settings)
    best = min((frame for frame in population if "enthalpy" in frame.info), key=lambda frame: frame.info["enthalpy"])
    assert best.info["rank"] > 1
    generation = max(frame.info["generation"] for frame in population)
    row = summary(population, generation, settings)
    assert (row.lowest_enthalpy, row.lowest_id) == (best.info["enthalpy"], best.info["id"])


@pytest.mark.parametrize(("name", "problem"), [("short", "gave 1 numbers"), ("infinite", "0 of them finite")])
def test_a_function_that_gives_no_number_for_each_is_refused(ranked_h3s, name: str, problem: str) -> None:
    settings = SearchSettings.parse({**KEYS, "formula": "H3S", "fitness": name})
    with pytest.raises(InputError, match=f"^fitness: users_fitness:{name} .*{problem}"):
        rank(ranked_h3s, settings)


def test_what_is_installed_is_among_the_names_that_are_offered() -> None:
    with pytest.raises(InputError, match="give one of enthalpy, hull_distance, gibbs, density, infinite, short"):
        SearchSettings.parse({**KEYS, "fitness": "beauty"})
