"""What is wrong with an input file, in one line each."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from aiida_anhcsp.cli.inputs.build import refusal
from aiida_anhcsp.cli.inputs.models import CspInput, SearchInput
from aiida_anhcsp.cli.inputs.problems import InvalidInputError, parse, read_input

VALID: dict[str, Any] = {
    "potential": "ase:ase.calculators.emt:EMT",
    "search": {"formula": "Cu3Au", "population": 16, "generations": 3, "seed": 1, "pressure": 10},
    "sscha": {"seed": 1},
}


def with_value(key: str, value: Any) -> dict[str, Any]:
    """The valid input with one key (dots lead into groups) changed."""
    keys = copy.deepcopy(VALID)
    *groups, last = key.split(".")
    group = keys
    for name in groups:
        group = group.setdefault(name, {})
    group[last] = value
    return keys


def problems(keys: dict[str, Any]) -> list[str]:
    """Lines that complain about these keys."""
    with pytest.raises(InvalidInputError) as caught:
        parse(CspInput, keys)
    return str(caught.value).splitlines()


def test_valid_keys_are_accepted() -> None:
    assert parse(CspInput, VALID).search.population == 16


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [
        ("search.popluation", 16, "did you mean population?"),
        ("pressure", 130, "did you mean search.pressure?"),
        ("search.population", 0, "greater than or equal to 1"),
        ("search.population", -3, "greater than or equal to 1"),
        ("search.population", "many", "should be a valid integer"),
        ("search.formula", "Xx3", "use chemical symbols as in H3S"),
        ("search.formula", "H3-", "write it like H3S or Ti4O8"),
        ("search.formula_units", "4-1", "give a positive number such as 1"),
        ("search.pressure", float("nan"), "should be a finite number"),
        ("search.minimum_distances", {"H": 1.0}, "write pairs like H-S"),
        ("search.potential", "mattersim:x", "give potential at the top level"),
        ("search.seeds", "old.extxyz", "give seeds at the top level"),
        ("search.composition", {"elements": {"Cu": "0-4"}, "atoms": 4}, "at least 2 items"),
        ("learning.number", 0, "greater than or equal to 1"),
        ("sscha.stages", ["2x2"], "such as 2x2x2:500"),
        ("sscha.temperatures", [-1], "not negative"),
        ("runtime.device", "gpu", "'cpu' or 'cuda'"),
        ("search", None, "should be a group of keys"),
        ("search", [], "should be a group of keys"),
        ("search.formula", "", "write it like H3S or Ti4O8"),
        ("search.formula", "; rm -rf /", "write it like H3S or Ti4O8"),
        ("search.generations", 0, "greater than or equal to 1"),
        ("search.generations", 2.5, "should be a valid integer"),
        ("search.seed", -1, "greater than or equal to 0"),
        ("search.seed", "one", "should be a valid integer"),
        ("search.pressure", 1.3e6, "less than or equal to 10000"),
        ("search.pressure", "high", "should be a valid number"),
        ("search.pressure", float("inf"), "should be a finite number"),
        ("search.max_relaxations", 0, "greater than or equal to 1"),
        ("search.relax.fmax", 0, "greater than 0"),
        ("search.relax.max_steps", 0, "greater than or equal to 1"),
        ("search.operators", {"mutation": 1}, "did you mean permutation?"),
        ("search.operators", {"heredity": -1}, "greater than or equal to 0"),
        ("search.stop", {"better_by": -1}, "greater than or equal to 0"),
        ("pressures", [], "at least 1 item"),
        ("pressures", [10, 10], "give different pressures"),
        ("pressures", ["ten"], "should be a valid number"),
        ("production.pressures", [], "at least 1 item"),
        ("learning.distortions", 0, "greater than or equal to 1"),
        ("learning.amplitude", -0.1, "greater than or equal to 0"),
        ("learning.train", {"epochs": 0}, "greater than or equal to 1"),
        ("sscha.number", 0, "greater than or equal to 1"),
        ("sscha.stages", [], "at least 1 item"),
        ("sscha.stages", ["0x1x1:10"], "multiples of at least 1"),
        ("sscha.temperatures", [0, 0], "different from each other"),
        ("sscha.seed", None, "should be a valid integer"),
        ("sscha.max_concurrent", 0, "greater than or equal to 1"),
        ("runtime.threads", 0, "greater than or equal to 1"),
        ("potential", None, "needed, or learning.new (not both)"),
        ("potential", 1.5, "give a name, a file or a PK"),
        ("code", 3.5, "give a name, a file or a PK"),
        ("colde", "x", "did you mean code?"),
        ("search.composition", {"elements": {"Cu": 1.5, "Au": 1}, "atoms": 4}, "or a range such as 0-8"),
        ("search.formula_units", 1.5, "or a range such as 0-8"),
        ("finetune.stages", [{"seed": 1, "epoch": 5}], "did you mean epochs?"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_the_fix_in_one_line(key: str, value: Any, fix: str) -> None:
    lines = [line for line in problems(with_value(key, value)) if line.startswith(key)]
    assert len(lines) == 1
    assert fix in lines[0]


def test_a_misspelt_key_stands_before_the_one_that_is_missing() -> None:
    keys = copy.deepcopy(VALID)
    keys["search"]["populaton"] = keys["search"].pop("population")
    assert problems(keys)[0] == "search.populaton: unknown key; did you mean population?"


def test_a_wrong_training_key_of_the_learning_is_named() -> None:
    learning = {"label": {"engine": "gpaw"}, "train": {"epocs": 3}}
    (line,) = problems({**VALID, "learning": learning})
    assert line == "learning.train.epocs: unknown key; did you mean epochs?"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"per_composition": 2}, "learning.per_composition: not used with sampler: random; remove it, or give sampler"),
        ({"sampler": "lowest", "threshold": 2}, "learning.threshold: not used with sampler: lowest; remove it"),
        ({"sampler": "grade", "committee": 2}, "learning.committee: not used with sampler: grade; remove it"),
        ({"new": "mtp:old.mtp"}, "learning.new: 'mtp:old.mtp' is no new potential"),
    ],
)
def test_a_key_of_learning_without_effect_is_named(change: dict[str, Any], line: str) -> None:
    (found,) = problems({**VALID, "learning": {"label": {"engine": "gpaw"}, **change}})
    assert found.startswith(line)


def test_all_problems_are_reported_at_once() -> None:
    keys = with_value("search.population", 0)
    keys["search"]["seed"] = -1
    assert [line.split(":")[0] for line in problems(keys)] == ["search.population", "search.seed"]


def test_a_missing_key_is_named() -> None:
    keys = copy.deepcopy(VALID)
    del keys["search"]["formula"]
    fix = "add this key, or composition for a search over compositions"
    assert problems(keys) == [f"search.formula: missing; {fix}"]


def test_a_search_without_a_potential_says_what_it_learns_from_nothing() -> None:
    learning = {"label": {"engine": "gpaw"}, "initial": 8, "new": "mtp:new"}
    search = {key: value for key, value in VALID.items() if key not in ("sscha", "potential")}
    assert parse(SearchInput, {**search, "learning": learning}).potential is None
    for wrong in (search, {**search, "potential": VALID["potential"], "learning": learning}):
        with pytest.raises(InvalidInputError, match=r"potential: needed, or learning\.new"):
            parse(SearchInput, wrong)
    with pytest.raises(InvalidInputError, match=r"nothing to learn from; give initial"):
        parse(SearchInput, {**search, "learning": {**learning, "initial": 0}})
    whole = {**search, "sscha": VALID["sscha"]}
    assert parse(CspInput, {**whole, "learning": learning}).potential is None
    with pytest.raises(InvalidInputError, match=r"^potential: needed, or learning\.new"):
        parse(CspInput, whole)


def test_labels_of_several_pressures_need_a_joint_training() -> None:
    keys = {**VALID, "pressures": [75, 125], "learning": {"label": {"engine": "gpaw"}}}
    (line,) = problems(keys)
    assert line.startswith("finetune: missing")


def test_a_gpu_is_not_shared_by_processes() -> None:
    (line,) = problems({**VALID, "runtime": {"device": "cuda", "processes": 2}})
    assert line.startswith("runtime.processes: several do not share a GPU; leave it out")
    assert parse(CspInput, {**VALID, "runtime": {"processes": 2}}).runtime.processes == 2


def test_production_keys_are_checked_as_search_keys() -> None:
    keys = {**VALID, "production": {"pressures": [100], "search": {"population": 0}}}
    (line,) = problems(keys)
    assert line.startswith("production.search.population")


@pytest.mark.parametrize(
    ("change", "field", "fix"),
    [
        ({"sscha": None}, "sscha: missing", "add temperature, stages and seed"),
        ({"sscha": {"seed": 1}}, "sscha.temperature: missing", "add this key"),
        ({"sscha": {"seed": 1, "temperature": -1}}, "sscha.temperature", "greater than or equal to 0"),
        ({"sscha": {"seed": 1, "temperature": 0, "window": -0.1}}, "sscha.window", "greater than or equal to 0"),
        ({"sscha": {"seed": 1, "temperature": 0, "windw": 1}}, "sscha.windw", "did you mean window?"),
        ({"search": VALID["search"]}, "sscha: only used with fitness: gibbs", "add that to search"),
        ({"learning": {"label": {"engine": "gpaw"}}}, "learning: ", "give a potential that has learned"),
    ],
)
def test_a_search_by_free_energy_is_checked_as_a_whole(change: dict[str, Any], field: str, fix: str) -> None:
    search = {**VALID["search"], "fitness": "gibbs"}
    keys = {**VALID, "search": search, "sscha": {"seed": 1, "temperature": 300}}
    assert parse(SearchInput, keys).sscha is not None
    with pytest.raises(InvalidInputError) as caught:
        parse(SearchInput, {name: value for name, value in {**keys, **change}.items() if value is not None})
    (line,) = str(caught.value).splitlines()
    assert line.startswith(field)
    assert fix in line


def test_the_whole_path_sends_a_search_by_free_energy_elsewhere() -> None:
    (line,) = problems(with_value("search.fitness", "gibbs"))
    assert line.startswith("search.fitness: gibbs is not for csp; use launch search")
    (line,) = problems({**VALID, "production": {"pressures": [100], "search": {"fitness": "gibbs"}}})
    assert line.startswith("production.search.fitness: ")


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "a: [1\n"])
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "input.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=r"INPUT\.yaml"):
        read_input(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no file"):
        read_input(tmp_path / "input.yaml")


@pytest.mark.parametrize(
    ("port", "message", "line"),
    [
        ("inputs", "potential: no; give one", "potential: no; give one"),
        ("inputs.chunk_size", "chunk_size: 0 is too few; give 1 or more", "chunk_size: 0 is too few; give 1 or more"),
        ("inputs", "learning.settings.new: no Au; name it", "learning.new: no Au; name it"),
        ("inputs.learning", "learning.dataset: of others; leave it out", "learning.dataset: of others; leave it out"),
        ("inputs.search", "potential: no; give one", "potential: no; give one"),
        ("inputs.search.settings", "settings.seed: no; give one", "search.seed: no; give one"),
        ("inputs", "label.settings.xc: no; give one", "label.settings.xc: no; give one"),
        ("inputs.code", "required value was not provided", "code: required value was not provided; correct it in"),
    ],
)
def test_what_a_work_chain_refuses_is_named_by_the_key_of_the_file(port: str, message: str, line: str) -> None:
    label = {"engine": "ase"}
    keys = {"search": {"formula": "CuAu", "pressure": 1, "population": 4, "generations": 1, "seed": 1}}
    learning = {"label": label, "initial": 4, "new": "mtp:new"}
    described = SearchInput.model_validate({**keys, "learning": learning})
    assert str(refusal(described, port, message)).startswith(line)


def test_a_key_that_is_given_twice_is_named_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "input.yaml"
    path.write_text("search:\n  population: 6\n  generations: 3\n  population: 600\n")
    with pytest.raises(InvalidInputError, match=r"^search\.population: given twice, on lines 2 and 4; keep one$"):
        read_input(path)


def test_a_formula_that_yaml_once_took_for_a_boolean_is_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "input.yaml"
    path.write_text("search: {formula: NO, population: 1, generations: 1, seed: 1}\nsscha: {seed: 1, audit: no}\n")
    keys = parse(CspInput, {**read_input(path), "potential": "mattersim:x"})
    assert keys.search.formula == "NO"
    assert keys.sscha.audit is False
