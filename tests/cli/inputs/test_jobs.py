"""Resources that a scheduler refuses, in every part of an input file; a code that is no engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

EMT = "ase:ase.calculators.emt:EMT"
BAD = {"resources": {"num_machines": 1, "tasks": 4}}
KEYS: dict[str, Any] = {
    "potential": "learner",
    "search": {"formula": "Cu3Au", "population": 4, "generations": 1, "seed": 1, "pressure": 10},
    "learning": {"label": {"engine": "gpaw", "code": "gpaw-python@localhost"}},
    "dft_relax": {"number": 1, "engine": "gpaw", "code": "gpaw-python@localhost"},
    "sscha": {"number": 1, "temperatures": [0], "stages": ["1x1x1:100"], "seed": 1},
    "correction": {"label": {"engine": "gpaw", "code": "gpaw-python@localhost"}},
}


@pytest.fixture
def refused(ready: Callable, write_input: Callable) -> Callable:
    """What a plan of the whole path says with one more key (dots lead into groups)."""

    def ask(field: str, value: Any) -> str:
        keys, (*groups, last) = {**KEYS}, field.split(".")
        group = keys
        for name in groups:
            group[name] = {**group[name]}
            group = group[name]
        group[last] = value
        result = ready("launch", "csp", write_input(keys), "--dry-run")
        assert result.exit_code == 2, result.output
        return str(result.output)

    return ask


def test_every_step_s_resources_are_those_of_its_computer_s_scheduler(refused: Callable) -> None:
    for part in ("", "learning.", "learning.label.", "sscha.", "correction.label.", "dft_relax."):
        line = refused(f"{part}options", BAD)
        assert line.startswith(f"Error: {part}options.resources: these parameters were not recognized: tasks; ")
        assert len(line.splitlines()) == 1


def test_a_code_that_is_no_engine_is_refused(refused: Callable) -> None:
    for part in ("", "learning.", "sscha."):
        line = refused(f"{part}code", "gpaw-python@localhost")
        assert line == f"Error: {part}code: gpaw-python@localhost runs python3; give a code of anhcsp-engine\n"
    line = refused("learning.label", {"engine": "ase", "potential": EMT, "code": "gpaw-python@localhost"})
    assert line.startswith("Error: learning.label.code: gpaw-python@localhost runs python3; give a code of")
