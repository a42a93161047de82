"""Decisions of a search by free energy, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from .conftest import SEARCH
from .test_search import population, relaxed_frames, reports

SSCHA = {"temperature": 300.0, "stages": ["1x1x1:20", "2x2x2:40"], "seed": 1, "window": 0.1, "seen": 1}
SETTINGS = {**SEARCH, "fitness": "gibbs"}


@pytest.fixture
def gibbs_inputs(search_inputs: dict[str, Any]) -> dict[str, Any]:
    from aiida.orm import Dict

    return {**search_inputs, "settings": Dict(SETTINGS), "sscha": {"settings": Dict(SSCHA), "max_concurrent": 2}}


def sscha_outputs(index: int, gibbs: float, **more: Any) -> dict[str, Any]:
    """Outputs of the SSCHA run of a structure of :func:`relaxed_frames`."""
    from aiida.orm import Dict, StructureData

    frame = relaxed_frames(0)[index]
    result = {"converged": True, "gibbs_free_energy": gibbs, "gibbs_free_energy_error": 0.001, "temperature": 300.0}
    return {
        "result": Dict({**result, "spacegroup_final": "Im-3m", **more}),
        "structure": StructureData(ase=frame),
    }


@pytest.fixture
def search(generate_workchain: Callable, gibbs_inputs: dict[str, Any], add_child: Callable) -> Any:
    """A search by free energy whose generation 0, of three structures, is relaxed."""
    from aiida_anhcsp.workflows.search import SearchWorkChain

    workchain = generate_workchain(SearchWorkChain, gibbs_inputs)
    workchain.setup()
    workchain.ctx.generation = 0
    add_child(workchain, "generation_000_relax", {"population": population(relaxed_frames(0))})
    workchain.plan_sscha()
    return workchain


@pytest.fixture
def end_run(add_child: Callable) -> Callable:
    """Let the SSCHA run of a structure end, with a first stage that the final free energy is ``fall`` below."""

    def factory(search: Any, identity: str, outputs: dict[str, Any], fall: float = 0.02, **more: Any) -> Any:
        from aiida.orm import Dict

        node = add_child(search, search.run_label(identity), outputs, job=False, **more)
        node.set_process_label("SschaWorkChain")
        if "result" in outputs:
            values = outputs["result"].get_dict()
            stage = {"converged": True, "gibbs_free_energy_error": 0.002}
            stage["gibbs_free_energy"] = values["gibbs_free_energy"] + fall
            add_child(_Parent(node), "stage_1", {"result": Dict(stage)})
        return node

    return factory


class _Parent:
    """What :func:`add_child` needs of a process."""

    def __init__(self, node: Any) -> None:
        self.node = node


@pytest.fixture
def submitted(search: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Inputs of what the search submits; nothing is run."""
    inputs: list[dict[str, Any]] = []

    def submit(process: type, **given: Any) -> SimpleNamespace:
        inputs.append(given)
        return SimpleNamespace(label=given["metadata"]["label"], pk=len(inputs))

    monkeypatch.setattr(search, "submit", submit)
    return inputs


def test_all_structures_go_through_sscha_as_many_at_a_time_as_allowed(
    search: Any, submitted: list[dict[str, Any]]
) -> None:
    assert search.waiting() == ["g000-0000", "g000-0001", "g000-0002"]
    labels = [node.label for node in search.sscha().values()]
    assert labels == ["generation_000_sscha_g000_0000", "generation_000_sscha_g000_0001"]
    first, second = submitted
    assert first["settings"]["temperature"] == 300.0
    assert first["settings"]["pressure"] == SEARCH["pressure"]
    assert first["settings"]["seed"] != second["settings"]["seed"]
    assert first["structure"].get_ase().get_volume() == pytest.approx(relaxed_frames(0)[0].get_volume())
    assert "give_up" not in first


def test_one_that_fails_is_told_with_its_reason_and_the_rest_is_ranked(search: Any, end_run: Callable) -> None:
    from aiida.orm import load_node

    end_run(search, "g000-0000", {}, status=401, message="A stage came to nothing: the weights died")
    end_run(search, "g000-0001", sscha_outputs(1, 1.5))
    end_run(search, "g000-0002", sscha_outputs(2, 1.4))
    assert not search.has_waiting()
    search.take_free_energies()
    assert search.rank() is None
    ranked = load_node(search.ctx.population)
    assert [ranked.get_frame(f"g000-000{index}").info.get("rank") for index in range(3)] == [None, 2, 1]
    assert "the weights died" in ranked.get_frame("g000-0000").info["reason"]
    assert "lowest Gibbs free energy 1.4000 +- 0.0010 eV/atom (g000-0002, Fm-3m -> Im-3m)" in reports(search)
    assert ranked.base.attributes.get("lowest_gibbs_free_energy") == 1.4


def next_generation(search: Any, add_child: Callable, lowest: float = 0.5) -> None:
    """Let generation 1 be relaxed, after what calcfunctions left of generation 0, which have no caller here."""
    add_child(search, search.label_of("judge"), {"result": population(relaxed_frames(0))})
    search.ctx.generation += 1
    frames = relaxed_frames(search.ctx.generation, lowest=lowest)
    add_child(search, search.label_of("relax"), {"population": population(frames)})
    search.plan_sscha()


def test_later_runs_are_told_when_to_give_up(
    search: Any, end_run: Callable, add_child: Callable, submitted: list[dict[str, Any]]
) -> None:
    for index, (gibbs, fall) in enumerate([(1.5, 0.02), (1.3, 0.05), (1.4, 0.03)]):
        end_run(search, f"g000-000{index}", sscha_outputs(index, gibbs), fall)
    search.take_free_energies()
    search.rank()
    next_generation(search, add_child)
    search.sscha()
    limits = submitted[0]["give_up"]
    assert limits["threshold"] == pytest.approx(1.4)
    (fall,) = limits["decreases"]
    assert fall == {"stage": 1, "converged": True, "largest": pytest.approx(0.05), "seen": 3}


def test_runs_of_the_same_generation_tell_nothing(search: Any, end_run: Callable) -> None:
    """Or the answer would depend on how many run at a time."""
    end_run(search, "g000-0000", sscha_outputs(0, 1.5))
    assert search.give_up_inputs() is None


def test_what_an_earlier_generation_had_is_not_computed_again(
    search: Any, end_run: Callable, add_child: Callable
) -> None:
    from aiida.orm import load_node

    for index in range(3):
        end_run(search, f"g000-000{index}", sscha_outputs(index, 1.5 + 0.1 * index))
    search.take_free_energies()
    search.rank()
    next_generation(search, add_child, lowest=1.0)
    assert not search.has_waiting()
    search.take_free_energies()
    search.rank()
    again = load_node(search.ctx.population).get_frame("g001-0001").info
    assert again["free_energy_of"] == "g000-0001"
    assert again["duplicate_of"] == "g000-0001"
    assert again["gibbs_free_energy"] == 1.6


def test_without_any_free_energy_the_search_ends_with_a_reason(
    search: Any, end_run: Callable, add_child: Callable
) -> None:
    from aiida.orm import load_node

    for index in range(3):
        end_run(search, f"g000-000{index}", {}, status=401, message="A stage came to nothing: the weights died")
    search.take_free_energies()
    search.rank()
    copy = population(load_node(search.ctx.free_energies).get_frames())
    add_child(search, "generation_000_free_energies", {"result": copy})
    exit_code = search.results()
    assert exit_code.status == 404
    assert "the weights died" in exit_code.message
    assert search.outputs["history"]["generations"][0]["sscha"] == {"failed": 3}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"sscha": None}, "sscha: missing, with fitness: gibbs; give temperature, stages and seed"),
        ({"settings": SEARCH}, "sscha: only fitness: gibbs uses it; set that in settings, or leave sscha out"),
        ({"sscha": {**SSCHA, "temperature": -1}}, r"sscha\.settings\.temperature: .*greater than or equal to 0"),
        ({"sscha": {**SSCHA, "windw": 1}}, r"sscha\.settings\.windw: unknown key; did you mean window"),
        ({"sscha": {**SSCHA, "stages": ["auto:20"]}}, r"stages: auto:20 needs a potential of known range; write"),
        ({"settings": {**SETTINGS, "symmetrise": 2}}, "symmetrise: not with fitness: gibbs.*remove it"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    generate_workchain: Callable, gibbs_inputs: dict[str, Any], change: dict[str, Any], problem: str
) -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.search import SearchWorkChain

    inputs = dict(gibbs_inputs)
    for name, value in change.items():
        inputs[name] = {"settings": Dict(value)} if name == "sscha" and value else (value and Dict(value))
    with pytest.raises(ValueError, match=problem):
        generate_workchain(SearchWorkChain, {name: value for name, value in inputs.items() if value is not None})


def test_free_energies_do_not_go_with_learning(generate_workchain: Callable, gibbs_inputs: dict[str, Any]) -> None:
    from aiida.orm import Str

    from aiida_anhcsp.workflows.search import SearchWorkChain

    label = {"code": gibbs_inputs["code"], "potential": gibbs_inputs["potential"]}
    learning = {"label_engine": Str("anhcsp.label.ase"), "label": label}
    with pytest.raises(ValueError, match=r"learning: .*give a potential that has learned"):
        generate_workchain(SearchWorkChain, {**gibbs_inputs, "learning": learning})


def test_free_energies_are_those_at_one_density_of_q_points(
    search: Any, end_run: Callable, add_child: Callable, submitted: list[dict[str, Any]]
) -> None:
    from aiida.orm import load_node

    for index, gibbs in enumerate([1.5, 1.3, 1.4]):
        shift = 0.02 * (index + 1)
        size = {"n_atoms": 1, "finite_size": {"shift": shift, "shift_error": shift / 2}}
        end_run(search, f"g000-000{index}", sscha_outputs(index, gibbs, **size), 0.1)
    search.take_free_energies()
    search.rank()
    best = load_node(search.ctx.population).get_frame("g000-0001").info
    assert best["gibbs_free_energy"] == pytest.approx(1.34)
    assert best["finite_size_shift"] == pytest.approx(0.04)
    next_generation(search, add_child)
    search.sscha()
    limits = submitted[0]["give_up"]
    assert limits["threshold"] == pytest.approx(1.34 + 0.1)
    assert limits["decreases"][0]["largest"] == pytest.approx(0.1 - 0.02)


def test_the_ranking_shows_free_energies_with_errors_and_what_has_none(search: Any, end_run: Callable) -> None:
    from aiida.orm import load_node

    from aiida_anhcsp.report.ranking import population_rows, ranking_table

    end_run(search, "g000-0000", sscha_outputs(0, 1.9, reason="G cannot come below 1.6"), status=411)
    end_run(search, "g000-0001", sscha_outputs(1, 1.5))
    end_run(search, "g000-0002", sscha_outputs(2, 1.4, converged=False, reason="at 3 GPa"), status=410)
    search.take_free_energies()
    search.rank()
    rows = population_rows(load_node(search.ctx.population))
    assert [row["id"] for row in rows] == ["g000-0002", "g000-0001", "g000-0000"]
    assert [row["converged"] for row in rows] == [False, True, False]
    lines = ranking_table(rows).splitlines()[2:]
    assert "1.4000 +- 0.0010" in lines[0] and "Fm-3m -> Im-3m" in lines[0] and "at 3 GPa" in lines[0]
    assert "100.0" in lines[1]
    assert "given up: G cannot come below 1.6" in lines[2] and "1.0000" in lines[2]
