"""What a work chain has against its inputs, in the words of the input file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from pydantic import BaseModel

from aiida_anhcsp.cli.inputs.build import prepare, refusal
from aiida_anhcsp.cli.inputs.models import CspInput, FinetuneInput, SearchInput
from aiida_anhcsp.cli.inputs.problems import InvalidInputError
from aiida_anhcsp.engine.frames import write_frames

EMT = "ase:ase.calculators.emt:EMT"
SEARCH = {"potential": EMT, "search": {"formula": "Cu", "population": 2, "generations": 1, "seed": 1}}
LABEL = {"engine": "gpaw", "code": "gpaw-python@localhost"}


@pytest.mark.parametrize(
    ("model", "port", "message", "line"),
    [
        (SearchInput, "inputs", "seeds: two is Cu2; take it out", "seeds: two is Cu2; take it out"),
        (
            SearchInput,
            "inputs",
            "learning.settings.sampler: no hull; change it",
            "learning.sampler: no hull; change it",
        ),
        (
            CspInput,
            "inputs.search",
            "target: Cu is not searched for; give Au",
            "target: Cu is not searched for; give Au",
        ),
        (CspInput, "inputs.search.settings", "seed: wrong; change it", "search.seed: wrong; change it"),
        (CspInput, "inputs.sscha.settings", "settings.stages: wrong; change it", "sscha.stages: wrong; change it"),
        (CspInput, "inputs.search.learning", "learning.label.x: wrong; no", "learning.label.x: wrong; no"),
        (
            FinetuneInput,
            "inputs.settings",
            "settings.epoch: unknown key; remove it",
            "train.epoch: unknown key; remove it",
        ),
        (SearchInput, "inputs.options", "unexpected", "options: unexpected; correct it in the input file"),
    ],
)
def test_a_refusal_names_the_key_of_the_file(model: type[BaseModel], port: str, message: str, line: str) -> None:
    assert str(refusal(model.model_construct(), port, message)) == line


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"seeds": "gold.extxyz"}, "seeds: structure 1 is Au, no cell of this search for Cu; take it out"),
        ({"target": "gold.extxyz"}, "target: Au is not searched for; give a structure of Cu"),
        ({"seeds": 99999}, "seeds: no node 99999 in this profile; give another PK, or a file"),
        ({"target": 99999}, "target: no node 99999 in this profile; give another PK, or a file"),
        (
            {"potential": None, "learning": {"label": LABEL, "initial": 4, "new": "mtp:new", "hull_tolerance": 0.1}},
            "learning.hull_tolerance: one formula has no hull",
        ),
        (
            {"learning": {"label": {**LABEL, "settings": {"cutof": 500}}}},
            "learning.label.settings.cutof: unknown key; did you mean cutoff?",
        ),
    ],
)
def test_what_the_work_chain_refuses_is_said_of_the_file(
    program: Callable, write_input: Callable, tmp_path: Path, keys: dict[str, Any], line: str
) -> None:
    assert program("setup", "--work-dir", tmp_path / "work").exit_code == 0
    write_frames(tmp_path / "gold.extxyz", [bulk("Au")])
    with pytest.raises(InvalidInputError) as caught:
        prepare("search", write_input({**SEARCH, **keys}))
    assert str(caught.value).startswith(line)
