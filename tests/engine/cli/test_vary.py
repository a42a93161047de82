"""``anhcsp-engine vary`` as a user meets it."""

from __future__ import annotations

import pytest
from ase.build import bulk

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import read_frames, write_frames
from aiida_anhcsp.engine.search.rank import rank

SETTINGS = "{formula: Cu4, population: 4, generations: 3, seed: 2, operators: {random: 1, heredity: 2, strain: 1}}"


@pytest.fixture
def arguments(tmp_path) -> list[str]:
    parents = [bulk("Cu", cubic=True), bulk("Cu", "bcc", a=2.9, cubic=True) * (2, 1, 1)]
    for index, parent in enumerate(parents):
        parent.info.update(id=f"g000-000{index}", generation=0, status="converged", enthalpy=0.1 * index)
    write_frames(tmp_path / "population.extxyz", rank(parents))
    (tmp_path / "search.yaml").write_text(SETTINGS)
    paths = [str(tmp_path / name) for name in ("population.extxyz", "out.extxyz", "search.yaml")]
    return ["vary", paths[0], paths[1], "--settings", paths[2]]


def test_a_generation_of_offspring_is_written(arguments):
    main([*arguments, "--generation", "1"])
    children = read_frames(arguments[2])
    assert [child.info["id"] for child in children] == [f"g001-000{index}" for index in range(4)]
    assert [child.info["operator"] for child in children] == ["random", "heredity", "heredity", "strain"]
    assert set(children[1].info["parents"].split()) == {"g000-0000", "g000-0001"}


def test_the_first_generation_is_not_for_vary(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--generation", "0"])
    assert ended.value.code == 2
    assert "'--generation'" in capsys.readouterr().err
