"""Protocols give inputs that the work chains accept."""

from __future__ import annotations

from typing import Any

import pytest
from ase.build import bulk

from aiida_anhcsp.engine.errors import InputError

PROTOCOLS = ("fast", "balanced", "stringent")
WORK_CHAINS = (
    "active_library",
    "active_sscha",
    "correct",
    "csp",
    "dft_relax.gpaw",
    "dft_relax.vasp",
    "finetune",
    "hessian",
    "label.ase",
    "label.espresso",
    "label.gpaw",
    "label.vasp",
    "phase_diagram",
    "relax",
    "search",
    "sscha",
    "sscha_on_labels",
)


def problem_of(builder: Any) -> Any:
    """What the work chain's ports have against a builder."""
    return builder.process_class.spec().inputs.validate(builder._inputs(prune=True))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_search_protocol_is_accepted(engine_code: Any, emt: Any, learner: Any, protocol: str) -> None:
    from aiida_anhcsp.workflows.search import SearchWorkChain

    builder = SearchWorkChain.get_builder_from_protocol(
        engine_code,
        learner,
        "CuAu",
        10.0,
        protocol=protocol,
        label_engine="anhcsp.label.ase",
        label={"code": engine_code, "potential": emt},
        options={"max_wallclock_seconds": 3600},
    )
    assert problem_of(builder) is None
    assert builder.settings["formula"] == "CuAu"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_sscha_protocol_is_accepted(engine_code: Any, emt: Any, protocol: str) -> None:
    from aiida.orm import StructureData

    from aiida_anhcsp.workflows.sscha import SschaWorkChain

    structure = StructureData(ase=bulk("Cu", "hcp", a=2.55))
    builder = SschaWorkChain.get_builder_from_protocol(engine_code, emt, structure, 10.0, 300.0, protocol=protocol)
    assert problem_of(builder) is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_finetune_protocol_is_accepted(engine_code: Any, learner: Any, copper: Any, protocol: str) -> None:
    from aiida_anhcsp.workflows.finetune import FinetuneWorkChain

    builder = FinetuneWorkChain.get_builder_from_protocol(engine_code, learner, copper, protocol=protocol)
    assert problem_of(builder) is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_csp_protocol_takes_its_parts_at_the_same_level(engine_code: Any, emt: Any, protocol: str) -> None:
    from aiida_anhcsp.workflows.csp import CspWorkChain
    from aiida_anhcsp.workflows.search import SearchWorkChain

    builder = CspWorkChain.get_builder_from_protocol(engine_code, emt, "CuAu", 10.0, protocol=protocol)
    assert problem_of(builder) is None
    search = SearchWorkChain.get_protocol_inputs(protocol)["settings"]
    assert builder.search.settings["population"] == search["population"]
    assert builder.sscha.settings["number"] in (2, 10, 100)


def test_overrides_change_what_they_name_and_nothing_else() -> None:
    from aiida_anhcsp.workflows.csp import CspWorkChain

    plain = CspWorkChain.get_protocol_inputs("fast")
    changed = CspWorkChain.get_protocol_inputs("fast", {"search": {"settings": {"relax": {"fmax": 0.5}}}})
    assert changed["search"]["settings"]["relax"].pop("fmax") == 0.5
    plain["search"]["settings"]["relax"].pop("fmax")
    assert changed == plain


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", WORK_CHAINS)
def test_protocols_are_what_they_were(name: str, protocol: str, data_regression: Any) -> None:
    from aiida.plugins import WorkflowFactory

    data_regression.check(WorkflowFactory(f"anhcsp.{name}").get_protocol_inputs(protocol))


def test_every_work_chain_has_these_protocols_each_with_a_description() -> None:
    from aiida.plugins import WorkflowFactory
    from aiida.plugins.entry_point import get_entry_point_names

    names = [name for name in get_entry_point_names("aiida.workflows") if name.startswith("anhcsp.")]
    assert sorted(names) == sorted(f"anhcsp.{name}" for name in WORK_CHAINS)
    for name in names:
        described = WorkflowFactory(name).get_available_protocols()
        assert tuple(described) == PROTOCOLS
        assert all(text.endswith(".") for text in described.values())
        assert WorkflowFactory(name).get_default_protocol() == "balanced"


def test_unknown_protocol_is_refused_with_the_known_ones() -> None:
    from aiida_anhcsp.workflows.search import SearchWorkChain

    with pytest.raises(InputError, match="fast, balanced, stringent"):
        SearchWorkChain.get_protocol_inputs("careful")
