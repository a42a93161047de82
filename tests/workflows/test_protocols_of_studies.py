"""Builders of relaxations, labels, phase diagrams and SSCHA with a reference are accepted at every level."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiida.orm import Dict, SinglefileData, StructureData
from aiida.plugins import WorkflowFactory
from ase.build import bulk

from aiida_anhcsp.data.population import PopulationData

from .test_protocols import PROTOCOLS, problem_of
from .test_sscha_on_labels import state  # noqa: F401
from .vasp_fixtures import potcar_family, vasp_code  # noqa: F401

pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS)


def test_relax_is_accepted(engine_code: Any, emt: Any, copper: Any, protocol: str) -> None:
    chain = WorkflowFactory("anhcsp.relax")
    builder = chain.get_builder_from_protocol(engine_code, emt, copper, 10.0, protocol=protocol)
    assert problem_of(builder) is None
    assert builder.pressure.value == 10.0


def test_phase_diagram_takes_the_stages_of_sscha(engine_code: Any, emt: Any, copper: Any, protocol: str) -> None:
    chain = WorkflowFactory("anhcsp.phase_diagram")
    builder = chain.get_builder_from_protocol(engine_code, emt, copper, [0, 20], protocol=protocol)
    assert problem_of(builder) is None
    stages = WorkflowFactory("anhcsp.sscha").get_protocol_inputs(protocol)["settings"]["stages"]
    assert builder.settings["stages"] == stages
    warm = chain.get_builder_from_protocol(engine_code, emt, copper, [0, 20], [500], protocol=protocol)
    assert warm.settings["temperatures"] == [500]


def test_active_sscha_is_accepted(engine_code: Any, emt: Any, protocol: str) -> None:
    chain = WorkflowFactory("anhcsp.active_sscha")
    builder = chain.get_builder_from_protocol(
        engine_code,
        StructureData(ase=bulk("Cu", "hcp", a=2.55)),
        10.0,
        300.0,
        "anhcsp.label.ase",
        {"code": engine_code, "potential": emt},
        protocol=protocol,
    )
    assert problem_of(builder) is None


def test_active_library_is_accepted(engine_code: Any, emt: Any, protocol: str) -> None:
    chain = WorkflowFactory("anhcsp.active_library")
    start = bulk("Cu", "hcp", a=2.55)
    start.info["id"] = "hcp"
    structures, label = PopulationData.from_frames([start]), {"code": engine_code, "potential": emt}
    builder = chain.get_builder_from_protocol(
        engine_code, structures, 10.0, 300.0, "anhcsp.label.ase", label, protocol=protocol
    )
    assert problem_of(builder) is None


def test_sscha_on_labels_goes_on_from_a_run(engine_code: Any, emt: Any, state: Any, protocol: str) -> None:  # noqa: F811
    run = SimpleNamespace(
        inputs=SimpleNamespace(potential=emt, settings=Dict({"pressure": 12.0, "temperature": 0})),
        outputs=SimpleNamespace(dynamical_matrices=state),
    )
    chain = WorkflowFactory("anhcsp.sscha_on_labels")
    label = {"code": engine_code, "potential": emt}
    builder = chain.get_builder_from_protocol(engine_code, run, "anhcsp.label.ase", label, protocol=protocol)
    assert problem_of(builder) is None
    assert builder.settings["pressure"] == 12.0


def test_the_hessian_is_that_of_a_run(engine_code: Any, emt: Any, state: Any, protocol: str) -> None:  # noqa: F811
    run = SimpleNamespace(inputs=SimpleNamespace(potential=emt), outputs=SimpleNamespace(dynamical_matrices=state))
    builder = WorkflowFactory("anhcsp.hessian").get_builder_from_protocol(engine_code, run, protocol=protocol)
    assert problem_of(builder) is None
    assert builder.settings["max_configurations"] >= 2 * builder.settings["configurations"]


@pytest.mark.parametrize("kind", ["label.gpaw", "dft_relax.gpaw"])
def test_gpaw_is_accepted(system_python: Any, copper: Any, kind: str, protocol: str) -> None:
    chain = WorkflowFactory(f"anhcsp.{kind}")
    pressure = {"pressure": 5.0} if kind.startswith("dft_relax") else {}
    builder = chain.get_builder_from_protocol(system_python, copper, **pressure, protocol=protocol)
    assert problem_of(builder) is None
    assert builder.settings["cutoff"] >= 500


@pytest.mark.parametrize("kind", ["label.vasp", "dft_relax.vasp"])
def test_vasp_is_accepted(vasp_code: Any, potcar_family: str, copper: Any, kind: str, protocol: str) -> None:  # noqa: F811
    chain = WorkflowFactory(f"anhcsp.{kind}")
    pressure = {"pressure": 5.0} if kind.startswith("dft_relax") else {}
    builder = chain.get_builder_from_protocol(
        vasp_code, copper, **pressure, protocol=protocol, potential_family=potcar_family, options={"queue_name": "cpu"}
    )
    assert problem_of(builder) is None
    assert builder.options["queue_name"] == "cpu"
    assert "encut" in builder.settings["incar"]


def test_espresso_is_accepted(system_python: Any, copper: Any, protocol: str) -> None:
    chain = WorkflowFactory("anhcsp.label.espresso")
    files = {"Cu": SinglefileData.from_string("pseudo", "Cu.UPF")}
    builder = chain.get_builder_from_protocol(system_python, copper, protocol=protocol, pseudopotentials=files)
    assert problem_of(builder) is None


def test_labels_by_a_potential_are_accepted(engine_code: Any, emt: Any, copper: Any, protocol: str) -> None:
    chain = WorkflowFactory("anhcsp.label.ase")
    overrides = {"max_failed_fraction": 0.3}
    builder = chain.get_builder_from_protocol(
        engine_code, copper, protocol=protocol, overrides=overrides, potential=emt
    )
    assert problem_of(builder) is None
    assert builder.max_failed_fraction.value == 0.3
