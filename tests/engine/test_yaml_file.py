"""YAML as users write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.yaml_file import read_mapping


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "keys.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("population: 6\nseed: 1\npopulation: 600\n", "population: given twice, on lines 1 and 3; keep one"),
        ("a: {elements: {Cu: 0-2, Au: 0-2, Cu: 0-4}}", "a.elements.Cu: given twice, on line 1; keep one"),
        ("a:\n- x: 1\n  x: 1\n", "a.0.x: given twice, on lines 2 and 3; keep one"),
        ("1: a\n'1': b\n", "1: given twice, on lines 1 and 2; keep one"),
    ],
)
def test_a_key_given_twice_is_refused(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        read_mapping(written(tmp_path, text))
    assert str(caught.value) == line


def test_one_name_in_two_groups_and_a_merged_group_are_no_repetition(tmp_path: Path) -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: *a\nd: &d [*d]\n"
    keys = read_mapping(written(tmp_path, text))
    assert (keys["a"], keys["b"], keys["c"]) == ({"x": 1, "y": 2}, {"x": 3, "y": 2}, {"x": 1, "y": 2})


def test_formulas_are_no_booleans(tmp_path: Path) -> None:
    keys = read_mapping(written(tmp_path, "formula: NO\nelements: {No: 0-2, On: 1}\nw: True\nx: nothing\nlwave: no"))
    assert keys == {"formula": "NO", "elements": {"No": "0-2", "On": 1}, "w": True, "x": "nothing", "lwave": False}
