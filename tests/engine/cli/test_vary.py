"""``anhcsp-engine vary`` as a user meets it."""

from __future__ import annotations

from pathlib import Path

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


MUTATE = "{formula: Cu4, population: 2, generations: 3, seed: 2, soft_modes: potential, operators: {softmutation: 1}}"


def test_soft_modes_come_from_the_potential_that_is_given(arguments, caplog):
    caplog.set_level("INFO")
    Path(arguments[-1]).write_text(MUTATE)
    main([*arguments, "--generation", "1", "--potential", "ase:ase.calculators.emt:EMT"])
    assert [child.info["operator"] for child in read_frames(arguments[2])] == ["softmutation"] * 2
    assert "of the potential, 36 evaluations" in caplog.text


@pytest.mark.parametrize(
    ("settings", "more", "message"),
    [
        (MUTATE, [], "potential: missing, soft_modes: potential needs it"),
        (SETTINGS, ["--potential", "ase:ase.calculators.emt:EMT"], "--potential: the structures do not depend on it"),
        (
            MUTATE.replace("potential", "phonons"),
            [],
            "soft_modes: 'phonons' is not possible; input should be 'springs' or 'potential'",
        ),
        (MUTATE.replace("soft_modes", "soft_mode"), [], "soft_mode: unknown key"),
    ],
)
def test_a_potential_is_given_where_it_is_asked_for(arguments, capsys, settings, more, message):
    Path(arguments[-1]).write_text(settings)
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--generation", "1", *more])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
