"""``anhcsp-engine generate`` as a user meets it."""

from __future__ import annotations

import pytest
import spglib
from ase import Atoms

from aiida_anhcsp.engine.cli.main import main
from aiida_anhcsp.engine.frames import read_frames

H3S = ["--formula", "H3S", "--formula-units", "1-2", "--number", "3", "--pressure", "130", "--seed", "1"]


def refusal(capsys, arguments: list[str]) -> str:
    """The one line on standard error of a command that ends with status 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def order(frame: Atoms) -> int:
    """How many symmetry operations a structure has."""
    cell = (frame.cell.array, frame.get_scaled_positions(), frame.numbers)
    return len(spglib.get_symmetry(cell, symprec=1e-3)["rotations"])


def test_options_and_settings_give_the_same_structures(tmp_path):
    main(["generate", str(tmp_path / "a.extxyz"), *H3S, "--minimum-distance", "H-S=1.2"])
    (tmp_path / "search.yaml").write_text(
        "formula: H3S\nformula_units: 1-2\npopulation: 3\npressure: 130\nseed: 1\ngenerations: 4\n"
        "minimum_distances: {S-H: 1.2}\ndisplacement: 0\n"
    )
    main(["generate", str(tmp_path / "b.extxyz"), "--settings", str(tmp_path / "search.yaml")])
    assert (tmp_path / "a.extxyz").read_text() == (tmp_path / "b.extxyz").read_text()
    frames = read_frames(tmp_path / "a.extxyz")
    assert [frame.info["id"] for frame in frames] == ["g000-0000", "g000-0001", "g000-0002"]


def test_a_search_displaces_what_options_alone_leave_symmetric(tmp_path):
    main(["generate", str(tmp_path / "a.extxyz"), *H3S])
    (tmp_path / "search.yaml").write_text(
        "formula: H3S\nformula_units: 1-2\npopulation: 3\npressure: 130\nseed: 1\ngenerations: 1\n"
    )
    main(["generate", str(tmp_path / "b.extxyz"), "--settings", str(tmp_path / "search.yaml")])
    for symmetric, displaced in zip(*(read_frames(tmp_path / f"{name}.extxyz") for name in "ab"), strict=True):
        assert symmetric.get_volume() == pytest.approx(displaced.get_volume(), rel=1e-4)
        assert order(symmetric) > order(displaced) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--formula", "H3Q"], "formula: no element 'Q'"),
        (["--number", "0"], "'--number'"),
        (["--formula-units", "4-1"], "formula_units: "),
        (["--minimum-distance", "H-S"], "--minimum-distance: 'H-S' has no distance"),
        (["--minimum-distance", "H-S=1", "--minimum-distance", "S-H=2"], "minimum_distances: H-S is given twice"),
        (["--minimum-distance", "S-S=5"], "minimum_distances: 1 S atoms 5.00 angstrom apart do not fit"),
        (["--settings", "missing.yaml"], "--settings: no file missing.yaml"),
    ],
)
def test_bad_input_is_one_line_that_names_the_argument(changes, message, capsys, tmp_path):
    assert message in refusal(capsys, ["generate", str(tmp_path / "out.extxyz"), *H3S, *changes])
    assert not (tmp_path / "out.extxyz").exists()


def test_candidates_are_compared_by_the_potential(tmp_path, capsys):
    settings, out = tmp_path / "SEARCH.yaml", tmp_path / "out.extxyz"
    settings.write_text("{formula: Cu4, population: 2, generations: 1, seed: 2, candidates: 3}")
    potential = ["--potential", "ase:ase.calculators.emt:EMT"]
    main(["generate", str(out), "--settings", str(settings), *potential])
    assert all(frame.info["screening_calls"] > 3 for frame in read_frames(out))
    assert "potential: missing, candidates: 3 needs it" in refusal(
        capsys, ["generate", str(out), "--settings", str(settings)]
    )
    settings.write_text("{formula: Cu4, population: 2, generations: 1, seed: 2}")
    message = "--potential: the structures do not depend on it; remove it, or set candidates: 8, say"
    assert message in refusal(capsys, ["generate", str(out), "--settings", str(settings), *potential])


def test_what_is_missing_is_named(capsys, tmp_path):
    line = refusal(capsys, ["generate", str(tmp_path / "out.extxyz"), "--formula", "H3S", "--seed", "1"])
    assert line == "anhcsp-engine: --number: missing; give it, or --settings SEARCH.yaml"
