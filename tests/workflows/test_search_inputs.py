"""What a search refuses before anything is submitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ase.build import bulk

from aiida_anhcsp.data.population import PopulationData

from .conftest import SEARCH


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"popluation": 8}, "popluation: unknown key"),
        ({"formula": "H3Xx"}, "formula"),
        ({"population": 0}, "population"),
        ({"potential": "mtp:x"}, "potential is an input of its own"),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence_that_names_the_key(
    search_inputs: dict[str, Any], change: dict[str, Any], sentence: str
) -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.search_ports import validate_search_settings

    problem = validate_search_settings(Dict({**SEARCH, **change}), None)
    assert problem is not None
    assert sentence in problem


def test_unknown_scheduler_option_is_refused(search_inputs: dict[str, Any], generate_workchain: Callable) -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.search import SearchWorkChain

    with pytest.raises(ValueError, match="options: unknown option 'walltime'"):
        generate_workchain(SearchWorkChain, {**search_inputs, "options": Dict({"walltime": 60})})


@pytest.mark.parametrize(
    ("name", "message"),
    [("seeds", "seeds: structure 1 is Ag4, no cell of this search for CuAu"), ("target", "target: Ag is not searched")],
)
def test_seeds_and_targets_of_another_formula_are_refused_before_anything_runs(
    search_inputs: dict[str, Any], generate_workchain: Callable, name: str, message: str
) -> None:
    from aiida.orm import StructureData

    from aiida_anhcsp.workflows.search import SearchWorkChain

    silver = bulk("Ag", cubic=True)
    node = PopulationData.from_frames([silver]) if name == "seeds" else StructureData(ase=silver)
    with pytest.raises(ValueError, match=message):
        generate_workchain(SearchWorkChain, {**search_inputs, name: node})


@pytest.mark.parametrize("key", ["potential", "seeds", "target"])
def test_what_is_a_port_is_no_setting(search_inputs: dict[str, Any], generate_workchain: Callable, key: str) -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.search import SearchWorkChain

    with pytest.raises(ValueError, match=f"settings: {key} is an input of its own"):
        generate_workchain(SearchWorkChain, {**search_inputs, "settings": Dict({**SEARCH, key: "x"})})
