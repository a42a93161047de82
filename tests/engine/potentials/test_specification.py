"""Specifications are read as the contract writes them."""

from __future__ import annotations

import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.potentials.specification import parse_specification


def test_ase_splits_at_the_first_three_colons_only():
    parsed = parse_specification('ase:ase.calculators.emt:EMT:{"label": "a:b"}')
    assert (parsed.kind, parsed.target, parsed.options) == ("ase", "ase.calculators.emt:EMT", {"label": "a:b"})


def test_a_file_may_have_colons_in_its_path():
    assert parse_specification("mattersim:/data/12:30/model.pth").target == "/data/12:30/model.pth"


def test_a_new_model_carries_its_architecture():
    parsed = parse_specification('mattersim:new:{"units": 64}')
    assert parsed.is_new
    assert parsed.options == {"units": 64}
    assert parse_specification("mtp:new").is_new


@pytest.mark.parametrize("text", ["mattersim", "mtp:", "gap:file", "ase:module", "ase:m:f:[1]", "mtp:new:{"])
def test_nonsense_names_the_argument_and_the_fix(text):
    with pytest.raises(InputError, match=r"^--potential: .*give "):
        parse_specification(text)
