"""Decisions of the whole path, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings

from .conftest import SEARCH
from .test_search import population, relaxed_frames


def ranked(pressure: float = 5.0, **keys: Any) -> Any:
    frames = relaxed_frames(0, **keys)
    for frame in frames:
        frame.info["pressure"] = pressure
    return population(rank(frames, SearchSettings.parse(SEARCH)))


def searched(potential: Any, pressure: float = 5.0, **more: Any) -> dict[str, Any]:
    """Outputs of a search."""
    from aiida.orm import Dict

    return {
        "population": ranked(pressure),
        "potential": potential.clone(),
        "history": Dict({"generations": []}),
        **more,
    }


def up_to_the_ranking(workchain: Any, add_child: Callable, emt: Any) -> None:
    add_child(workchain, "search_p5", searched(emt), job=False)
    add_child(workchain, "relax_p5", {"population": ranked()})
    add_child(workchain, "rank_p5", {"result": ranked()})
    assert workchain.rank() is None


def test_one_search_for_each_pressure(csp: Callable) -> None:
    from aiida.orm import List

    workchain = csp(pressures=List([5.0, 12.5]))
    children = workchain.search().values()
    assert [child.label for child in children] == ["search_p5", "search_p12_5"]
    assert [child.inputs.settings["pressure"] for child in children] == [5.0, 12.5]


def test_search_that_failed_is_told_and_the_other_pressures_go_on(csp: Callable, add_child: Callable, emt: Any) -> None:
    from aiida.orm import List

    workchain = csp(pressures=List([5.0, 12.5]))
    failed = add_child(workchain, "search_p5", {}, status=403, message="Nothing was relaxed", job=False)
    add_child(workchain, "search_p12_5", searched(emt, 12.5), job=False)
    assert workchain.judge_searches() is None
    workchain = csp()
    failed = add_child(workchain, "search_p5", {}, status=403, message="Nothing was relaxed", job=False)
    exit_code = workchain.judge_searches()
    assert exit_code.status == 401
    assert f"<{failed.pk}>" in exit_code.message


def test_production_searches_use_the_learned_potential_and_do_not_learn(
    csp: Callable, add_child: Callable, emt: Any
) -> None:
    from aiida.orm import Dict

    workchain = csp(production=Dict({"pressures": [20.0], "search": {"population": 50}}))
    search = add_child(workchain, "search_p5", searched(emt), job=False)
    (child,) = workchain.produce().values()
    assert child.label == "production_p20"
    assert child.inputs.potential.pk == search.outputs.potential.pk
    assert child.inputs.settings["population"] == 50
    assert child.inputs.settings["pressure"] == 20.0
    assert "learning" not in child.inputs


def test_lowest_distinct_structures_go_to_every_temperature(csp: Callable, add_child: Callable, emt: Any) -> None:
    workchain = csp()
    up_to_the_ranking(workchain, add_child, emt)
    assert sorted(workchain.ctx.runs) == [
        "p5_t0_g000_0000",
        "p5_t0_g000_0001",
        "p5_t300_g000_0000",
        "p5_t300_g000_0001",
    ]


def test_ghost_of_the_final_potential_is_no_finalist(csp: Callable, add_child: Callable) -> None:
    workchain = csp(sscha={"temperatures": [0.0], "number": 1})
    frames = relaxed_frames(0, number=6)
    frames[3].info["enthalpy"] = -30.0
    add_child(workchain, "relax_p5", {"population": population(frames)})
    assert workchain.rank() is None
    assert [run["id"] for run in workchain.ctx.runs.values()] == ["g000-0000"]


def test_what_is_unphysical_is_told_at_the_pressure_of_the_finalists(csp: Callable, add_child: Callable) -> None:
    """Atoms that are too close at 5 GPa are not at 500."""
    from aiida.orm import List

    frames = relaxed_frames(0, number=1)
    frames[0].set_cell(frames[0].cell * 0.6, scale_atoms=True)
    workchain = csp(sscha={"temperatures": [0.0], "number": 1}, pressures=List([5.0, 500.0]))
    for name in ("relax_p5", "relax_p500"):
        add_child(workchain, name, {"population": population(frames)})
    assert workchain.rank() is None
    assert [run["pressure"] for run in workchain.ctx.runs.values()] == [500.0]


COMPOSITIONS = {key: value for key, value in SEARCH.items() if key not in ("formula", "formula_units")} | {
    "composition": {"elements": {"Cu": "0-4", "Au": "0-4"}, "atoms": "1-4"}
}


@pytest.fixture
def over_compositions(search_inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs of a search over compositions."""
    from aiida.orm import Dict

    return {**search_inputs, "settings": Dict(COMPOSITIONS)}


def alloys(*formulas: str) -> Any:
    """Ranked cells of Cu-Au, the formulas on the hull first."""
    line = {"Cu4": 1.0, "Au4": 2.0, "Cu2Au2": 1.3, "CuAu3": 2.5, "Cu3Au": 1.18}
    frames = relaxed_frames(0, number=len(formulas))
    for frame, formula in zip(frames, formulas, strict=True):
        frame.symbols = formula
        frame.info["enthalpy"] = line[formula] + 0.01 * formulas[: frames.index(frame)].count(formula)
    return population(rank(frames, SearchSettings.parse(COMPOSITIONS)))


def test_over_compositions_twice_as_many_of_each_near_the_hull_are_relaxed_again(
    csp: Callable, add_child: Callable, emt: Any, over_compositions: dict[str, Any]
) -> None:
    workchain = csp(search=over_compositions, sscha={"number": 1})
    found = alloys("Cu4", "Cu4", "Au4", "Cu2Au2", "Cu2Au2", "CuAu3", "Cu3Au")
    add_child(workchain, "search_p5", {**searched(emt), "population": found}, job=False)
    (relaxation,) = workchain.relax().values()
    formulas = [frame.get_chemical_formula() for frame in relaxation.inputs.population.get_frames()]
    assert sorted(formulas) == ["Au2Cu2", "Au2Cu2", "Au4", "AuCu3", "Cu4", "Cu4"]


def test_finalists_over_compositions_are_the_lowest_of_each_near_the_hull_and_the_elements(
    csp: Callable, add_child: Callable, over_compositions: dict[str, Any]
) -> None:
    relaxed = alloys("Cu4", "Au4", "Cu2Au2", "Cu2Au2", "Cu3Au")
    workchain = csp(search=over_compositions, sscha={"temperatures": [0.0], "number": 1})
    add_child(workchain, "relax_p5", {"population": relaxed})
    assert workchain.rank() is None
    assert [run["id"] for run in workchain.ctx.runs.values()] == ["g000-0000", "g000-0001", "g000-0002", "g000-0004"]


def hopeless_run(
    csp: Callable, add_child: Callable, search: dict[str, Any], give_up: bool = True, **changes: Any
) -> Any:
    """Three of four runs have ended, and the last cannot reach their hull."""
    from aiida.orm import Dict

    workchain = csp(search=search, **changes, sscha={"temperatures": [0.0], "number": 1, "give_up": give_up})
    names = "Cu4", "Au4", "Cu2Au2", "Cu3Au"
    add_child(workchain, "relax_p5", {"population": alloys(*names)})
    workchain.rank()
    add_child(workchain, "rank_p5", {"result": alloys(*names)})
    copper, gold, ordered, last = workchain.ctx.runs
    assert workchain.give_up_inputs(last) is None
    for name, gibbs, fall in ((copper, 1.1, 0.03), (gold, 2.1, 0.02), (ordered, 1.5, 0.05)):
        result = {"converged": True, "gibbs_free_energy": gibbs, "gibbs_free_energy_error": 0.001}
        run = add_child(workchain, f"sscha_{name}", {"result": Dict(result)}, job=False)
        stage = {**result, "gibbs_free_energy": gibbs + fall}
        add_child(SimpleNamespace(node=run), "stage_1", {"result": Dict(stage)})
    return workchain


@pytest.mark.parametrize("give_up", [True, False])
def test_what_cannot_reach_the_hull_within_its_error_ends_early(
    give_up: bool, csp: Callable, add_child: Callable, over_compositions: dict[str, Any]
) -> None:
    workchain = hopeless_run(csp, add_child, over_compositions, give_up=give_up)
    last = list(workchain.ctx.runs)[-1]
    limits = workchain.give_up_inputs(last)
    assert (limits is not None) is give_up
    if limits is not None:  # Cu3Au lies half-way from Cu to CuAu
        assert limits["threshold"] == pytest.approx(1.3 + 3 * 0.001 / np.sqrt(2), abs=0.0005)
        (fall,) = limits["decreases"]
        assert fall == {"stage": 1, "converged": True, "largest": pytest.approx(0.05), "seen": 3}


def test_compositions_without_an_element_alone_have_no_finalists(
    csp: Callable, add_child: Callable, over_compositions: dict[str, Any]
) -> None:
    workchain = csp(search=over_compositions)
    add_child(workchain, "relax_p5", {"population": alloys("Cu4", "Cu2Au2")})
    assert "none of an element alone" in workchain.rank().message


def test_search_that_ranked_nothing_hands_on_no_finalists(
    csp: Callable, add_child: Callable, emt: Any, over_compositions: dict[str, Any]
) -> None:
    workchain = csp(search=over_compositions)
    outputs = {**searched(emt), "population": alloys("Cu4", "Cu2Au2")}
    add_child(workchain, "search_p5", outputs, status=403, message="no structure of Au alone", job=False)
    assert workchain.judge_searches() is None
    assert workchain.relax().status == 403


@pytest.mark.parametrize("stages", [["1x1x1:20"], ["2x2x2:20", "1x1x1:20"]])
def test_stages_without_vibrations_of_an_element_are_refused_over_compositions(
    csp: Callable, over_compositions: dict[str, Any], stages: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"sscha.settings.stages: in 1x1x1:20 an element .*; .* begin with 2x2x2"):
        csp(search=over_compositions, sscha={"stages": stages})


def test_where_a_correction_follows_no_run_ends_early(
    csp: Callable, add_child: Callable, over_compositions: dict[str, Any], correction: dict[str, Any]
) -> None:
    """The hull is that of a potential whose error is in no threshold."""
    workchain = hopeless_run(csp, add_child, over_compositions, correction=correction)
    assert workchain.give_up_inputs(list(workchain.ctx.runs)[-1]) is None


def test_no_more_sscha_runs_at_a_time_than_allowed(csp: Callable, add_child: Callable, emt: Any) -> None:
    workchain = csp()
    up_to_the_ranking(workchain, add_child, emt)
    assert len(workchain.sscha()) == 3
    for name in list(workchain.ctx.runs)[:3]:
        add_child(workchain, f"sscha_{name}", {}, status=401, message="nothing", job=False)
    (last,) = workchain.sscha().values()
    assert last.inputs.settings["pressure"] == 5.0
    assert last.inputs.structure.label == "g000-0001"
    assert last.inputs.settings["temperature"] == 300.0


def test_one_failed_sscha_is_a_row_and_the_rest_is_ranked(csp: Callable, add_child: Callable, emt: Any) -> None:
    from aiida.orm import Dict

    workchain = csp(sscha={"temperatures": [0.0]})
    up_to_the_ranking(workchain, add_child, emt)
    child = add_child(
        workchain, "sscha_p5_t0_g000_0000", {}, status=401, message="A stage: Sscha<77> exploded", job=False
    )
    result = {"converged": True, "gibbs_free_energy": 1.2, "gibbs_free_energy_error": 0.1}
    add_child(workchain, "sscha_p5_t0_g000_0001", {"result": Dict({**result, "spacegroup_final": "P1"})}, job=False)
    assert workchain.results() is None
    rows = workchain.outputs["ranking"]["rows"]
    assert [row["id"] for row in rows] == ["g000-0001", "g000-0000"]
    assert rows[1]["reason"] == "A stage: Sscha exploded"
    assert str(child.pk) not in rows[1]["reason"]
    assert workchain.outputs["population"].count == 3


def test_without_any_free_energy_the_ranking_comes_with_an_exit_code(
    csp: Callable, add_child: Callable, emt: Any
) -> None:
    workchain = csp(sscha={"temperatures": [0.0], "number": 1})
    up_to_the_ranking(workchain, add_child, emt)
    add_child(workchain, "sscha_p5_t0_g000_0000", {}, status=401, message="exploded", job=False)
    assert workchain.results().status == 404
    assert len(workchain.outputs["ranking"]["rows"]) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [({"number": 0}, "number"), ({"temperatures": [-5.0]}, "temperatures"), ({"stages": []}, "stages")],
)
def test_wrong_sscha_settings_are_refused_by_name(csp: Callable, change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"sscha.settings.{field}"):
        csp(sscha=change)


def test_automatic_supercells_need_the_range_of_a_potential_that_does_not_learn(csp: Callable) -> None:
    with pytest.raises(ValueError, match=r"sscha.settings.stages: auto:20 needs a potential of known range"):
        csp(sscha={"stages": ["auto:20"]})


@pytest.fixture
def correction(engine_code: Any, emt: Any) -> dict[str, Any]:
    """Inputs of the correction of all finalists."""
    from aiida.orm import Dict

    label = {"code": engine_code, "potential": emt}
    return {"settings": Dict({"first": 5}), "label_engine": "anhcsp.label.ase", "label": label}


@pytest.mark.parametrize("converged", [True, False])
def test_audited_runs_are_corrected_and_ranked_by_the_reference(
    csp: Callable, add_child: Callable, emt: Any, copper: Any, correction: dict[str, Any], converged: bool
) -> None:
    """What has not converged is an upper bound of either."""
    from aiida.orm import Dict

    from aiida_anhcsp.data.dynamical_matrices import DynamicalMatricesData

    workchain = csp(sscha={"temperatures": [0.0]}, correction=correction)
    up_to_the_ranking(workchain, add_child, emt)
    names = [f"p5_t0_g000_000{index}" for index in range(2)]
    for index, name in enumerate(names):
        result = {"converged": converged or index == 0, "source": "audit", "gibbs_free_energy": 1.0 + 0.1 * index}
        result["gibbs_free_energy_error"] = 0.001
        outputs = {"result": Dict(result), "audit": copper.clone(), "dynamical_matrices": DynamicalMatricesData()}
        status = 0 if result["converged"] else 410
        add_child(workchain, f"sscha_{name}", outputs, status=status, message="not at rest", job=False)
    assert workchain.uncorrected() == names
    for index, name in enumerate(names):
        document = {
            "gibbs_free_energy": -5.0 - 0.1 * index,
            "gibbs_free_energy_error": 0.002,
            "n_labels": 5,
            "reminimised": {"converged": True, "gibbs_free_energy": -5.01 - 0.1 * index},
        }
        add_child(workchain, f"correct_{name}", {"result": Dict(document)}, job=False)
    assert not workchain.has_uncorrected()
    assert workchain.results() is None
    first, second = workchain.outputs["ranking"]["rows"]
    assert (first["id"], first["rank"], first["gibbs_free_energy_corrected"]) == ("g000-0001", 1, -5.11)
    assert first["gibbs_free_energy"] == pytest.approx(1.1)
    assert first["converged"] == converged and first.get("upper_bound", False) != converged
    assert second["relative_gibbs_free_energy_corrected"] == pytest.approx(100)
    assert second["relative_gibbs_free_energy"] == pytest.approx(0)


def test_without_corrections_nothing_is_corrected(csp: Callable, add_child: Callable, emt: Any) -> None:
    workchain = csp()
    up_to_the_ranking(workchain, add_child, emt)
    assert not workchain.has_uncorrected()


def test_a_correction_needs_the_audit_and_inputs_its_labels_take(csp: Callable, correction: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"sscha.settings: audit is off"):
        csp(sscha={"audit": False}, correction=correction)
    with pytest.raises(ValueError, match=r"correction.label.chunks: anhcsp.label.ase has no such input"):
        csp(correction={**correction, "label": {**correction["label"], "chunks": 3}})
