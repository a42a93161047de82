from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.frames import read_frames, through_text
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.potentials.base import Evaluation
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search.initial import random_population
from aiida_anhcsp.engine.search.loop import Generation, search, should_continue, summary
from aiida_anhcsp.engine.search.rank import lowest, rank
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.engine.search.vary import vary

CUAU = {
    "formula": "CuAu",
    "formula_units": "1-2",
    "population": 6,
    "generations": 2,
    "seed": 1,
    "relax": {"fmax": 0.02, "max_steps": 200},
}


@pytest.fixture(scope="module")
def emt():
    return load_potential("ase:ase.calculators.emt:EMT")


@pytest.fixture(scope="module")
def finished(emt, tmp_path_factory) -> tuple[list[Atoms], Path]:
    outdir = tmp_path_factory.mktemp("search")
    return search(SearchSettings.parse(CUAU), emt, outdir), outdir


def row(generation: int, lowest: float | None) -> Generation:
    return Generation(generation, 4, 0, 4, lowest, "g", "P1", 4 * generation)


def test_the_search_finds_the_layered_ground_state_of_copper_gold(finished):
    """EMT's ground state of CuAu is L1_0 (P4/mmm), 11 meV/atom below the elements."""
    best = min((frame for frame in finished[0] if "rank" in frame.info), key=lambda frame: frame.info["rank"])
    assert best.info["spacegroup"] == "P4/mmm"
    assert best.info["enthalpy"] == pytest.approx(-0.0114, abs=5e-4)


def test_every_structure_is_written_in_the_order_of_relaxation(finished):
    population, outdir = finished
    written = read_frames(outdir / "population.extxyz")
    expected = [f"g{generation:03d}-{index:04d}" for generation in range(2) for index in range(6)]
    assert [frame.info["id"] for frame in written] == [frame.info["id"] for frame in population] == expected
    assert {"status", "operator", "generation", "pressure"} <= set(written[0].info)


def test_the_history_has_a_row_for_each_generation_and_never_rises(finished):
    rows = list(csv.DictReader((finished[1] / "history.csv").open()))
    assert [int(row["generation"]) for row in rows] == [0, 1]
    assert [int(row["total"]) for row in rows] == [6, 12]
    assert float(rows[1]["lowest_enthalpy"]) <= float(rows[0]["lowest_enthalpy"])


def test_steps_that_pass_files_give_the_same_frames(finished, emt):
    settings = SearchSettings.parse(CUAU)

    def relaxed(frames: Sequence[Atoms]) -> list[Atoms]:
        return through_text(relax(through_text(frames), emt, 0.0, RelaxSettings(fmax=0.02, max_steps=200)))

    first = through_text(rank(relaxed(random_population(settings)), settings))
    second = relaxed(vary(first, settings, 1))
    together = through_text(rank([*first, *second], settings))
    for ours, theirs in zip(finished[0], together, strict=True):
        assert ours.info == theirs.info
        assert np.array_equal(ours.positions, theirs.positions)


def test_a_formula_the_potential_does_not_know_is_refused(emt, tmp_path):
    class Limited(type(emt)):  # type: ignore[misc]
        elements = frozenset({"Cu"})

    limited = Limited.__new__(Limited)
    with pytest.raises(InputError, match=r"^formula: the potential does not know Au"):
        search(SearchSettings.parse(CUAU), limited, tmp_path)


def test_a_search_ends_with_its_generations_or_relaxations():
    settings = SearchSettings.parse({**CUAU, "generations": 5, "max_relaxations": 15})
    rows = [row(generation, -1.0) for generation in range(3)]
    assert [should_continue(settings, rows[:number]) for number in range(4)] == [True, True, True, False]


def test_seeds_and_prototypes_are_among_the_relaxations_allowed(emt, tmp_path):
    settings = SearchSettings.parse({**CUAU, "generations": 5, "max_relaxations": 11, "prototypes": 2})
    seeds = [bulk("CuAu", "rocksalt", a=5.0), bulk("CuAu", "zincblende", a=5.5)]
    made = search(settings, emt, tmp_path, seeds=seeds)
    assert len(made) == 11 and [frame.info["operator"] for frame in made].count("seed") == 2
    few = settings.model_copy(update={"max_relaxations": 4})
    with pytest.raises(InputError, match=r"^seeds: max_relaxations: 4 leaves none beside 2 seeds; .* more than 4$"):
        search(few, emt, tmp_path, seeds=seeds)


def test_a_search_ends_when_no_better_structure_comes():
    settings = SearchSettings.parse({**CUAU, "generations": 9, "stop": {"generations_without_better": 2}})
    history = [row(0, -1.0), row(1, -2.0), row(2, -2.0005), row(3, -2.0009)]
    assert should_continue(settings, history[:3])
    assert not should_continue(settings, history)
    assert should_continue(settings, [*history[:3], row(3, -2.01)])


MG_CA_H = {
    "composition": {"elements": {"Mg": "0-6", "Ca": "0-6", "H": "0-16"}, "atoms": "2-10"},
    "population": 6,
    "generations": 9,
    "seed": 1,
    "stop": {"generations_without_better": 1},
}


def hydrides(**phases: float) -> list[Atoms]:
    """A first generation with phases all around MgCaH4, which has -1 eV/atom, and a second of ``phases``, eV/atom."""
    first = {"Mg": 0.0, "Ca": 0.0, "H": 0.0, "MgH2": -1.0, "CaH2": -1.0}
    first |= {"Mg2CaH6": -1.0, "MgCa2H6": -1.0, "MgCaH2": -0.78, "MgCaH6": -0.78}
    frames = []
    for index, (formula, enthalpy) in enumerate([*first.items(), *phases.items()]):
        atoms = Atoms(formula, pbc=True)
        atoms.set_cell(np.full(3, np.cbrt(12.0 * len(atoms))))
        atoms.set_scaled_positions([[place / len(atoms)] * 3 for place in range(len(atoms))])
        atoms.info = {"id": f"g-{index}", "generation": int(index >= len(first)), "operator": "random"}
        atoms.info |= {"status": "converged", "enthalpy": enthalpy, "spacegroup": "P1"}
        frames.append(atoms)
    return frames


def test_a_new_phase_below_the_hull_is_better_however_many_compositions_there_are():
    settings = SearchSettings.parse(MG_CA_H)
    before = summary(rank(hydrides(), settings), 0, settings)
    found = summary(rank(hydrides(MgCaH4=-1.02), settings), 1, settings)
    assert before.hull_mean - found.hull_mean < settings.stop.better_by
    assert found.hull_fall == pytest.approx(0.02)
    assert should_continue(settings, [before, found])
    scarcely = summary(rank(hydrides(MgCaH4=-1.0009, Mg2H=-0.2), settings), 1, settings)
    assert scarcely.hull_fall == pytest.approx(0.0009)
    assert not should_continue(settings, [before, scarcely])


def test_a_search_goes_on_as_long_as_the_hull_before_lacks_an_element():
    settings = SearchSettings.parse(MG_CA_H)
    frames = hydrides()
    frames[1].info["generation"] = 1
    rows = [
        summary(rank([frames[0], *frames[2:]], settings), 0, settings),
        summary(rank(frames, settings), 1, settings),
    ]
    assert rows[1].hull_fall is None
    assert should_continue(settings, rows)


def test_generations_in_which_everything_failed_do_not_end_it():
    settings = SearchSettings.parse({**CUAU, "generations": 9, "stop": {"generations_without_better": 1}})
    assert should_continue(settings, [row(0, None), row(1, None)])
    assert should_continue(settings, [row(0, None), row(1, -1.0)])


def test_a_search_ends_when_the_target_is_found(emt, tmp_path, finished):
    (target,) = lowest(finished[0], 1)
    settings = SearchSettings.parse({**CUAU, "generations": 5, "stop": {"target_distance": 1e-6}})
    population = search(settings, emt, tmp_path, target=target)
    rows = list(csv.DictReader((tmp_path / "history.csv").open()))
    assert float(rows[-1]["target_distance"]) <= 1e-6
    assert len(rows) == target.info["generation"] + 1
    assert len(population) == 6 * len(rows)


def test_seeds_are_relaxed_with_the_first_generation(emt, tmp_path):
    seed = bulk("Cu", "fcc", a=3.9, cubic=True)
    seed.symbols[:2] = "Au"
    settings = SearchSettings.parse({**CUAU, "generations": 1})
    population = search(settings, emt, tmp_path, seeds=[seed])
    assert len(population) == 7
    assert population[-1].info["operator"] == "seed"
    assert population[-1].info["enthalpy"] == pytest.approx(-0.0114, abs=5e-4)


def test_a_search_over_compositions_finds_its_hull(emt, tmp_path):
    """EMT's hull of Cu-Au has ordered phases below the elements, which are found without being asked for."""
    limits = {"elements": {"Cu": "1-3", "Au": "1-3"}, "atoms": "2-4"}
    keys = {key: CUAU[key] for key in ("seed", "relax")}
    settings = SearchSettings.parse({**keys, "composition": limits, "population": 14, "generations": 3})
    population = search(settings, emt, tmp_path)
    on_hull = {frame.get_chemical_formula() for frame in population if frame.info.get("fitness") == 0.0}
    assert len(on_hull) >= 3
    assert all(frame.info["fitness"] >= 0.0 for frame in population if "rank" in frame.info)
    means = [float(row["hull_mean"]) for row in csv.DictReader((tmp_path / "history.csv").open())]
    assert means == sorted(means, reverse=True)


def test_symmetrised_copies_join_at_the_end(emt, tmp_path):
    settings = SearchSettings.parse({**CUAU, "generations": 1, "symmetrise": 6, "relax": {"fmax": 0.2}})
    population = search(settings, emt, tmp_path)
    copies = [frame for frame in population if frame.info["operator"] == "symmetrise"]
    ids = {frame.info["id"] for frame in population}
    assert all(copy.info["parents"] in ids for copy in copies)
    assert population[6:] == copies


def test_a_search_in_which_everything_fails_ends_after_three_generations(emt, tmp_path, caplog):
    class Broken(type(emt)):  # type: ignore[misc]
        def evaluate(self, frames):
            return [Evaluation("failed", "no license") for _ in frames]

    population = search(SearchSettings.parse({**CUAU, "generations": 9}), Broken.__new__(Broken), tmp_path)
    assert len(population) == 18
    assert {frame.info["operator"] for frame in population} == {"random"}
    assert "nothing could be relaxed in 3 generations" in caplog.text


def test_the_history_tells_what_the_operators_have_earned(finished):
    rows = list(csv.DictReader((finished[1] / "history.csv").open()))
    assert "heredity 0." in rows[-1]["rates"]
