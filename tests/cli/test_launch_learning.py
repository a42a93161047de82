"""What cannot be learned is refused before anything is labelled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ase.build import bulk

from aiida_anhcsp.engine.frames import write_frames

from .test_launch import LEARNING, SEARCH, SSCHA


@pytest.mark.parametrize(
    ("new", "line"),
    [
        ('mtp:new:{"level": 9}', "level is 9; give one of 2, 4,"),
        ('mtp:new:{"levl": 8}', "unknown options levl; options are level,"),
        ('mtp:new:{"cutoff": -5}', "cutoff is -5; give a positive number"),
        ("ase:ase.calculators.emt:EMT", "a potential of kind ase cannot be trained"),
        ('mtp:new:{"elements": ["Cu"]}', "the potential has no Au; name all elements in mtp:new"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_labelled(
    ready: Callable, write_input: Callable, tmp_path: Path, new: str, line: str
) -> None:
    nothing = {key: value for key, value in SEARCH.items() if key != "potential"}
    keys = {**nothing, "learning": {**LEARNING, "initial": 12, "new": new}}
    result = ready("launch", "search", write_input(keys), "--dry-run")
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert result.output.startswith(f"Error: learning.new: {line}")
    write_frames(tmp_path / "alloy.extxyz", [bulk("Au", cubic=True)])
    active = {"pressure": 10, "temperature": 300, "stages": ["2x2x2:100"], "seed": 1, "new": new}
    keys = {"structure": "alloy.extxyz", "active": active, "label": LEARNING["label"]}
    result = ready("launch", "active", write_input(keys), "--dry-run")
    assert result.exit_code == 2
    assert result.output.startswith(f"Error: active.new: {line}")


def test_a_potential_of_a_kind_that_cannot_learn_is_refused_before_anything_is_labelled(
    ready: Callable, write_input: Callable
) -> None:
    result = ready("launch", "csp", write_input({**SEARCH, "learning": LEARNING, "sscha": SSCHA}), "--dry-run")
    assert result.exit_code == 2
    assert result.output.startswith("Error: potential: a potential of kind ase cannot be trained; give mattersim:...")


@pytest.mark.parametrize(("formula", "refused"), [("CaH6", True), ("H3S", False), ("CaH3S", False)])
def test_old_labels_of_elements_that_are_not_searched_for_are_refused(
    ready: Callable, write_input: Callable, formula: str, refused: bool
) -> None:
    keys = {
        "search": {**SEARCH["search"], "formula": formula},
        "learning": {**LEARNING, "dataset": "mini-H-S", "initial": 4, "new": "mtp:new"},
    }
    result = ready("launch", "search", write_input(keys), "--dry-run")
    line = "Error: learning.dataset: has S, which is not searched for; leave it out, or give labels of Ca, H alone\n"
    assert (result.exit_code, line == result.output) == ((2, True) if refused else (0, False)), result.output
