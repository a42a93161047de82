"""``anhcsp-engine search`` as a user meets it."""

from __future__ import annotations

import re

import pytest
import yaml
from pydantic import BaseModel

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.cli.search import command
from aiida_anhcsp.engine.frames import read_frames
from aiida_anhcsp.engine.search.settings import (
    DEFAULT_WEIGHTS,
    Antiseeds,
    CompositionLimits,
    DuplicateRule,
    OperatorWeights,
    RelaxKeys,
    SearchSettings,
    StopKeys,
)

CUAU = {
    "formula": "CuAu",
    "potential": "ase:ase.calculators.emt:EMT",
    "population": 2,
    "generations": 2,
    "seed": 1,
    "relax": {"fmax": 0.1, "max_steps": 50},
}


def test_a_search_writes_its_population_and_history(tmp_path):
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(CUAU))
    main(["search", str(tmp_path / "search.yaml"), str(tmp_path / "out")])
    assert len(read_frames(tmp_path / "out" / "population.extxyz")) == 4
    assert len((tmp_path / "out" / "history.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"potential": None}, "potential: missing"),
        ({"potential": "magic:wand"}, "potential: "),
        ({"population": 0}, "population: "),
        ({"colour": "red"}, "colour: unknown key"),
    ],
)
def test_bad_settings_are_one_line_that_names_the_key(changes, message, tmp_path, capsys):
    (tmp_path / "search.yaml").write_text(yaml.safe_dump({**CUAU, **changes}))
    with pytest.raises(SystemExit) as ended:
        main(["search", str(tmp_path / "search.yaml"), str(tmp_path / "out")])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["[1, 2]", "a: [", ""])
def test_a_file_without_keys_is_refused(content, tmp_path, capsys):
    (tmp_path / "search.yaml").write_text(content)
    with pytest.raises(SystemExit) as ended:
        main(["search", str(tmp_path / "search.yaml"), str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "SEARCH.yaml: " in capsys.readouterr().err


def test_a_search_that_ranks_nothing_says_so_with_its_exit_status(tmp_path, capsys):
    """Two structures are both of one element."""
    settings = {key: value for key, value in CUAU.items() if key != "formula"}
    composition = {"elements": {"Cu": "0-2", "Au": "0-2"}, "atoms": "1-2"}
    (tmp_path / "search.yaml").write_text(yaml.safe_dump({**settings, "composition": composition, "generations": 1}))
    with pytest.raises(SystemExit) as ended:
        main(["search", str(tmp_path / "search.yaml"), str(tmp_path / "out")])
    assert ended.value.code == 1
    assert "that can be ranked: no structure of Cu alone" in capsys.readouterr().err
    assert len(read_frames(tmp_path / "out" / "population.extxyz")) == 2


@pytest.mark.parametrize(
    "section", [SearchSettings, CompositionLimits, RelaxKeys, OperatorWeights, Antiseeds, DuplicateRule, StopKeys]
)
def test_the_help_has_every_key(section: type[BaseModel]) -> None:
    assert [key for key in section.model_fields if key not in re.findall(r"\w+", command.help or "")] == []


def test_the_help_has_the_weights_that_operators_begin_with() -> None:
    words = " ".join((command.help or "").split())
    for name, weight in DEFAULT_WEIGHTS:
        assert f"{name} {weight:g}" in words
