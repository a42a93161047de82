"""The input files printed in the documentation are inputs of a run, or say of what they are a part."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aiida_anhcsp.cli.inputs.build import KINDS
from aiida_anhcsp.cli.inputs.problems import InvalidInputError, parse, read_input

from .commands import ROOT

BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, block in enumerate(BLOCK.findall(page.read_text()))
]
INCOMPLETE = re.compile(r": (missing|needed, or)|^finetune: missing")
MADE_BY_SETUP = {"anhcsp-engine@localhost", "gpaw-python@localhost"}


def problems_as(kind: str, path: Path, within: str | None) -> list[str]:
    """What is wrong with a file as the input of this kind of run."""
    keys = read_input(path)
    try:
        parse(KINDS[kind][0], {within: keys} if within else keys)
    except InvalidInputError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize("block", BLOCKS)
def test_a_documented_input_is_complete_or_says_of_what_it_is_a_part(tmp_path: Path, block: str) -> None:
    path = tmp_path / "input.yaml"
    path.write_text(block)
    part = block.startswith("# part of")
    within = "search" if block.startswith("# part of search\n") else None
    found = {kind: problems_as(kind, path, within) for kind in KINDS}
    if part:
        found = {kind: [line for line in lines if not INCOMPLETE.search(line)] for kind, lines in found.items()}
    assert [] in found.values(), min(found.values(), key=len)


@pytest.mark.parametrize("block", BLOCKS)
def test_codes_of_this_machine_in_documented_inputs_are_those_of_setup(block: str) -> None:
    assert set(re.findall(r"[\w-]+@localhost", block)) - {"pw@localhost"} <= MADE_BY_SETUP
