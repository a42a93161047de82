"""Decisions of a phase diagram, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ase.build import bulk

SETTINGS = {"pressures": [20.0, 0.0], "temperatures": [300.0, 0.0], "stages": ["2x2x2:20"], "seed": 1}


def phases() -> list[Any]:
    frames = [bulk("Cu"), bulk("Cu", "bcc", a=2.85)]
    for frame, name in zip(frames, ("fcc", "bcc"), strict=True):
        frame.info["id"] = name
    return frames


def relaxed(pressure: float) -> Any:
    from aiida_anhcsp.data.population import PopulationData

    frames = phases()
    for frame, enthalpy in zip(frames, (0.01 * pressure, 0.05 + 0.009 * pressure), strict=True):
        frame.info.update(enthalpy=enthalpy, pressure=pressure, status="converged", spacegroup="Fm-3m")
    return PopulationData.from_frames(frames)


def quantum(enthalpy: float, final: str = "Fm-3m") -> dict[str, Any]:
    return {
        "converged": True,
        "gibbs_free_energy": enthalpy,
        "gibbs_free_energy_error": 0.001,
        "spacegroup_final": final,
    }


@pytest.fixture
def run(engine_code: Any, emt: Any, generate_workchain: Callable) -> Callable:
    """A phase diagram before its first step."""

    def factory(frames: list[Any] | None = None, **changes: Any) -> Any:
        from aiida.orm import Dict

        from aiida_anhcsp.data.population import PopulationData
        from aiida_anhcsp.workflows.phase_diagram import PhaseDiagramWorkChain

        inputs = {
            "code": engine_code,
            "potential": emt,
            "structures": PopulationData.from_frames(frames or phases()),
            "settings": Dict({**SETTINGS, **changes}),
        }
        return generate_workchain(PhaseDiagramWorkChain, inputs)

    return factory


@pytest.fixture
def planned(run: Callable, add_child: Callable) -> Any:
    """A phase diagram whose structures have been relaxed."""
    workchain = run()
    for pressure, label in ((0.0, "relax_p0"), (20.0, "relax_p20")):
        add_child(workchain, label, {"population": relaxed(pressure)})
    assert workchain.plan() is None
    return workchain


def test_all_structures_are_relaxed_at_every_pressure(run: Callable) -> None:
    children = run().relax().values()
    assert [child.label for child in children] == ["relax_p0", "relax_p20"]
    assert [child.inputs.pressure.value for child in children] == [0.0, 20.0]


def test_only_the_first_point_of_a_structure_needs_no_neighbour(planned: Any) -> None:
    assert len(planned.ctx.runs) == 8
    assert sorted(planned.ready()) == ["p0_t0_bcc", "p0_t0_fcc"]
    assert planned.neighbour("p20_t0_fcc") == "p0_t0_fcc"
    assert planned.neighbour("p0_t300_fcc") == "p0_t0_fcc"
    assert planned.neighbour("p20_t300_fcc") == "p0_t300_fcc"


def test_a_point_starts_from_its_neighbour(planned: Any, add_child: Callable) -> None:
    from aiida_anhcsp.data.dynamical_matrices import DynamicalMatricesData

    first = planned.submit_point("p0_t0_fcc")
    assert first.inputs.structure.get_ase().symbols.get_chemical_formula() == "Cu"
    state = DynamicalMatricesData()
    state.base.attributes.set("supercell", [2, 2, 2])
    add_child(planned, "sscha_p0_t0_fcc", {"dynamical_matrices": state}, job=False)
    inputs: dict[str, Any] = {}
    planned.submit = lambda _, **given: inputs.update(given)
    planned.submit_point("p20_t0_fcc")
    assert inputs["start"].pk == state.pk
    assert "structure" not in inputs
    assert inputs["settings"]["pressure"] == 20.0


def test_automatic_supercells_are_those_of_the_smallest_cell_at_all_points(
    run: Callable, add_child: Callable, emt: Any
) -> None:
    from aiida_anhcsp.data.population import PopulationData

    emt.base.attributes.set("cutoff", 10.0)
    workchain = run(stages=["auto:20", "auto:40"])
    for pressure, scale in ((0.0, 1.0), (20.0, 0.9)):
        frames = relaxed(pressure).get_frames()
        for frame in frames:
            frame.set_cell(scale * frame.cell, scale_atoms=True)
        add_child(workchain, f"relax_p{pressure:.0f}", {"population": PopulationData.from_frames(frames)})
    workchain.plan()
    stages = []
    for name in ("p0_t0_fcc", "p20_t0_fcc"):
        stages.append(workchain.submit_point(name).inputs.settings["stages"])
        add_child(workchain, f"sscha_{name}", {}, status=401, message="exploded", job=False)
    assert stages[0] == stages[1]
    smallest = workchain.settings.stages_for(bulk("Cu", a=0.9 * bulk("Cu", cubic=True).cell[0, 0]), 10.0)
    largest = workchain.settings.stages_for(bulk("Cu"), 10.0)
    assert stages[0] == smallest != largest


def test_automatic_supercells_need_the_range_of_the_potential(run: Callable) -> None:
    with pytest.raises(ValueError, match=r"settings.stages: auto:20 needs a potential of known range"):
        run(stages=["auto:20"])


def test_transitions_classical_beside_quantum(planned: Any, add_child: Callable) -> None:
    from aiida.orm import Dict

    for name, point in planned.ctx.runs.items():
        shift = 0.04 if point["id"] == "bcc" else 0.0
        slope = 0.009 if point["id"] == "bcc" else 0.01
        result = Dict(quantum(shift * (1 - point["temperature"] / 600) + slope * point["pressure"]))
        add_child(planned, f"sscha_{name}", {"result": result}, job=False)
    assert not planned.has_points()
    assert planned.results() is None
    document = planned.outputs["phase_diagram"]
    assert [(entry["kind"], entry.get("temperature")) for entry in document["transitions"]] == [("quantum", 300.0)]
    (transition,) = document["transitions"]
    assert (transition["lower"], transition["upper"]) == ("fcc", "bcc")
    assert transition["pressure"] == pytest.approx(20.0)
    ranks = {(row["id"], row["pressure"]): row["rank_by_enthalpy"] for row in document["rows"]}
    assert ranks["fcc", 0.0] == 1


def test_phases_that_end_in_one_structure_have_merged(planned: Any, add_child: Callable) -> None:
    from aiida.orm import Dict, StructureData

    for name in planned.ctx.runs:
        outputs = {"result": Dict(quantum(0.1)), "structure": StructureData(ase=bulk("Cu"))}
        add_child(planned, f"sscha_{name}", outputs, job=False)
    assert planned.results() is None
    merged = [row.get("merged_into") for row in planned.outputs["phase_diagram"]["rows"]]
    assert merged.count(None) == 4
    assert planned.outputs["phase_diagram"]["transitions"] == []


def test_points_that_fail_are_rows_with_a_reason(planned: Any, add_child: Callable) -> None:
    from aiida.orm import Dict

    for name in planned.ctx.runs:
        if name.endswith("bcc"):
            add_child(planned, f"sscha_{name}", {}, status=401, message="exploded", job=False)
        else:
            add_child(planned, f"sscha_{name}", {"result": Dict(quantum(0.1))}, job=False)
    exit_code = planned.results()
    assert exit_code.status == 410
    assert "4 of 8 points" in exit_code.message
    assert [row.get("reason") for row in planned.outputs["phase_diagram"]["rows"]].count("exploded") == 4


def test_structures_need_names(run: Callable) -> None:
    with pytest.raises(ValueError, match="structures: every structure needs an id"):
        run([bulk("Cu"), bulk("Au")])


@pytest.mark.parametrize("change", [{"pressures": [1.0, 1.0]}, {"temperatures": [-1.0]}, {"stages": ["2x2:5"]}])
def test_wrong_settings_are_refused_by_name(run: Callable, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"settings.{next(iter(change))}"):
        run(**change)
