"""``anhcsp-engine search`` as a user meets it."""

from __future__ import annotations

import pytest
import yaml

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import read_frames

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
