"""The self-optimising search over compositions, one step at a time: its first labels, its end, and what DFT says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiida.orm import Dict, List, Log, Str, load_node
from ase import Atoms

from aiida_anhcsp.calculations.functions.training import random_to_label
from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.engine.frames import with_labels
from aiida_anhcsp.engine.search.rank import rank
from aiida_anhcsp.engine.search.settings import SearchSettings
from aiida_anhcsp.workflows.csp import CspWorkChain
from aiida_anhcsp.workflows.names import INITIAL
from aiida_anhcsp.workflows.search import SearchWorkChain

from .conftest import FINALISTS, SEARCH
from .test_csp import COMPOSITIONS, alloys
from .test_search import population, relaxed_frames


@pytest.fixture
def inputs(search_inputs: dict[str, Any], learner: Any) -> Callable:
    """Inputs of a search over compositions that learns from ASE labels."""

    def factory(**learning: Any) -> dict[str, Any]:
        label = {"code": search_inputs["code"], "potential": search_inputs["potential"], "max_concurrent": 1}
        settings = {"number": 2, "distortions": 2, "replay": 6, **learning}
        namespace = {"settings": Dict(settings), "label_engine": Str("anhcsp.label.ase"), "label": label}
        return {**search_inputs, "potential": learner, "settings": Dict(COMPOSITIONS), "learning": namespace}

    return factory


def labels(formulas: list[str], name: str = "initial") -> PopulationData:
    """Labelled structures, one of each formula."""
    frames = []
    for number, (frame, formula) in enumerate(zip(relaxed_frames(0, len(formulas)), formulas, strict=True)):
        frame.symbols = formula
        frame.info = {"id": f"{name}-{number:04d}", "operator": "random", "round": -1, "label_settings": "a"}
        frames.append(with_labels(frame, -float(number), np.zeros((len(frame), 3)), np.zeros(6)))
    return PopulationData.from_frames(frames)


def reports(workchain: Any) -> str:
    return "\n".join(log.message for log in Log.collection.get_logs_for(workchain.node))


def test_random_structures_are_labelled_and_learned_before_the_first_generation(
    inputs: Callable, generate_workchain: Callable, add_child: Callable, learner: Any
) -> None:
    workchain = generate_workchain(SearchWorkChain, inputs(initial=6, train={"focus": {"height": 0.1}}))
    workchain.setup()
    assert workchain.begins_with_labels()
    child = workchain.draw_initial()["current"]
    assert child.label == "initial_generate"
    assert child.inputs.settings["population"] == 6 and child.inputs.settings["seed"] != COMPOSITIONS["seed"]
    drawn = [Atoms("Cu4"), Atoms("Au4"), Atoms("CuAu")]
    add_child(workchain, "initial_generate", {"population": population(_cells(drawn))})
    assert workchain.choose_initial() is None and "3 random structures to label" in reports(workchain)
    chosen = random_to_label(population(_cells(drawn)))
    assert [frame.info["id"] for frame in chosen.get_frames()] == [f"initial-{number:04d}" for number in range(3)]
    add_child(workchain, "initial_select_and_distort", {"result": PopulationData.from_frames(chosen.get_frames())})
    assert workchain.label()["current"].label == "initial_label"
    add_child(workchain, "initial_label", {"population": labels(["Cu4", "Au4", "Cu2Au2"])}, job=False)
    training = workchain.finetune()["training_0"]
    assert training.label == "initial_finetune" and training.inputs.dataset.count == 3
    assert "focus" not in training.inputs.settings.get_dict()
    add_child(workchain, "initial_dataset", {"result": load_node(workchain.ctx.dataset)}, job=False)
    learned = learner.clone()
    metrics = Dict({"by_round": {"-1": {"after": {"energy": 7.0}}}})
    add_child(workchain, "initial_finetune", {"potential": learned, "metrics": metrics}, job=False)
    assert workchain.refresh() is None
    assert workchain.ctx.potential == learned.pk and "initial labels: RMSE" in reports(workchain)
    assert workchain.should_evolve() and workchain.ctx.generation == 0
    assert workchain.known(0).count == 3


def _cells(frames: list[Atoms]) -> list[Atoms]:
    for number, frame in enumerate(frames):
        frame.set_cell([4.0] * 3)
        frame.pbc = True
        frame.positions = np.linspace(0, 3, len(frame))[:, None]
        frame.info = {"id": f"g000-{number:04d}", "generation": 0, "operator": "random"}
    return frames


def test_first_labels_are_trained_on_beside_those_of_a_generation_and_are_no_round(
    inputs: Callable, generate_workchain: Callable, add_child: Callable
) -> None:
    workchain = generate_workchain(SearchWorkChain, inputs(initial=3, max_rounds=1))
    workchain.setup()
    first = labels(["Cu4", "Au4", "Cu2Au2"]).store()
    add_child(workchain, "initial_dataset", {"result": first}, job=False)
    add_child(workchain, "initial_finetune", {}, job=False)
    workchain.ctx.dataset, workchain.ctx.generation = first.pk, 0
    assert workchain.rounds() == 0
    add_child(workchain, "generation_000_select_and_distort", {"result": first})
    add_child(workchain, "generation_000_label", {"population": labels(["CuAu3"], "new")}, job=False)
    assert workchain.finetune()["training_0"].inputs.dataset.count == 4
    assert load_node(workchain.ctx.dataset).count == 4


def test_without_first_labels_the_first_potential_goes_on(
    inputs: Callable, generate_workchain: Callable, add_child: Callable, learner: Any
) -> None:
    workchain = generate_workchain(SearchWorkChain, inputs(initial=3))
    workchain.setup()
    add_child(workchain, "initial_label", {}, status=401, message="None succeeded", job=False)
    assert workchain.finetune() is None and workchain.refresh() is None
    assert workchain.ctx.potential == learner.pk and "no labels, the old potential stays" in reports(workchain)
    assert workchain.ctx.generation == INITIAL


@pytest.fixture
def from_nothing(inputs: Callable, generate_workchain: Callable) -> SearchWorkChain:
    """A search that is given no potential."""
    given = inputs(initial=3, new='mtp:new:{"level": 6}')
    del given["potential"]
    workchain = generate_workchain(SearchWorkChain, given)
    workchain.setup()
    return workchain


def test_a_new_potential_learns_the_first_labels(
    from_nothing: SearchWorkChain, add_child: Callable, learner: Any
) -> None:
    drawn = population(_cells([Atoms("Cu4"), Atoms("Au4"), Atoms("CuAu")]))
    add_child(from_nothing, "initial_select_and_distort", {"result": drawn})
    add_child(from_nothing, "initial_label", {"population": labels(["Cu4", "Au4", "Cu2Au2"])}, job=False)
    training = from_nothing.finetune()["training_0"]
    assert training.inputs.new.value == 'mtp:new:{"level": 6}' and "potential" not in training.inputs
    add_child(from_nothing, "initial_dataset", {"result": load_node(from_nothing.ctx.dataset)}, job=False)
    learned = learner.clone()
    add_child(from_nothing, "initial_finetune", {"potential": learned, "metrics": Dict({})}, job=False)
    assert from_nothing.refresh() is None and from_nothing.start() == {"potential": load_node(learned.pk)}


def test_without_first_labels_there_is_no_new_potential(from_nothing: SearchWorkChain, add_child: Callable) -> None:
    add_child(from_nothing, "initial_label", {}, status=401, message="None succeeded", job=False)
    assert from_nothing.finetune() is None
    code = from_nothing.refresh()
    assert code.status == 407 and "None succeeded" in code.message


def test_a_search_has_a_potential_or_a_new_one_not_both(inputs: Callable, generate_workchain: Callable) -> None:
    both = inputs(initial=3, new="mtp:new")
    neither = {key: value for key, value in inputs().items() if key != "potential"}
    for wrong in (both, neither):
        with pytest.raises(ValueError, match="give either potential, or learning"):
            generate_workchain(SearchWorkChain, wrong)
    for settings, fault in (({"new": "mtp:new"}, "nothing to learn from"), ({"new": "mtp:a.mtp"}, "no new potential")):
        with pytest.raises(ValueError, match=fault):
            generate_workchain(SearchWorkChain, {**neither, "learning": inputs(**settings)["learning"]})


@pytest.mark.parametrize(("lower", "ends"), [(0.002, True), (0.05, False)])
def test_search_ends_when_the_hull_has_stopped_moving(
    lower: float, ends: bool, inputs: Callable, generate_workchain: Callable, add_child: Callable
) -> None:
    workchain = generate_workchain(SearchWorkChain, inputs(hull_tolerance=0.01))
    workchain.setup()
    workchain.ctx.generation = 1
    for generation in (0, 1):
        frames = alloys("Cu4", "Au4", "Cu2Au2").get_frames()
        frames[2].info["enthalpy"] -= generation * lower
        add_child(workchain, f"generation_{generation:03d}_finetune", {}, job=False)
        add_child(workchain, f"generation_{generation:03d}_rank_again", {"result": population(frames)})
        add_child(workchain, f"generation_{generation:03d}_judge", {"result": population(frames)})
    workchain.ctx.population = workchain.child("rank_again").outputs.result.pk
    workchain.judge_learning()
    assert f"the same phases, moved by {1000 * lower:.1f} meV/atom at most" in reports(workchain)
    assert workchain.should_evolve() != ends


def test_hull_of_all_labels_is_an_output(inputs: Callable, generate_workchain: Callable) -> None:
    workchain = generate_workchain(SearchWorkChain, inputs())
    workchain.setup()
    workchain.ctx.population = alloys("Cu4", "Au4", "Cu2Au2").store().pk
    workchain.ctx.dataset = labels(["Cu4", "Au4", "Cu2Au2"]).store().pk
    assert workchain.results() is None
    phases = workchain.outputs["label_hull"]["phases"]
    assert {phase["formula"]: phase["labels"] for phase in phases} == {"Cu": 1, "Au": 1, "AuCu": 1}
    workchain = generate_workchain(SearchWorkChain, inputs())
    workchain.setup()
    workchain.ctx.population = alloys("Cu4", "Au4", "Cu2Au2").store().pk
    workchain.ctx.dataset = labels(["Cu4", "Cu2Au2"]).store().pk
    workchain.results()
    assert workchain.best_text() == "on the hull CuAu"
    assert workchain.outputs["label_hull"]["reason"].startswith("no phase of Au alone")


@pytest.mark.parametrize(("key", "value"), [("hull_tolerance", 0.01), ("sampler", "hull")])
def test_learning_of_one_formula_cannot_go_by_a_hull(
    inputs: Callable, search_inputs: dict[str, Any], generate_workchain: Callable, key: str, value: Any
) -> None:
    one_formula = {**inputs(**{key: value}), "settings": search_inputs["settings"]}
    with pytest.raises(ValueError, match=rf"learning.settings.{key}: one formula has no hull"):
        generate_workchain(SearchWorkChain, one_formula)


@pytest.fixture
def dft(system_python: Any) -> dict[str, Any]:
    """DFT relaxation of the lowest two; nothing in these tests runs it."""
    return {"settings": Dict({"number": 2}), "engine": "anhcsp.dft_relax.gpaw", "inputs": {"code": system_python}}


def test_lowest_structures_and_the_elements_are_relaxed_by_dft_and_ranked_by_it(
    search_inputs: dict[str, Any], generate_workchain: Callable, add_child: Callable, dft: dict[str, Any]
) -> None:
    settings = Dict(COMPOSITIONS)
    workchain = generate_workchain(SearchWorkChain, {**search_inputs, "settings": settings, "dft_relax": dft})
    workchain.setup()
    found = alloys("Cu2Au2", "Cu4", "Au4", "CuAu3").store()
    workchain.ctx.population = found.pk
    assert workchain.relaxes_by_dft()
    child = workchain.relax_by_dft()["current"]
    assert child.label == "dft_relax" and child.inputs.pressure.value == COMPOSITIONS["pressure"]
    formulas = {frame.get_chemical_formula() for frame in child.inputs.population.get_frames()}
    assert formulas == {"Au2Cu2", "Cu4", "Au4"}
    relaxed = found.get_frames()[:3]
    relaxed[0].info["enthalpy"] = 1.6
    node = add_child(workchain, "dft_relax", {"population": population(relaxed), "report": Dict({})}, job=False)
    assert node.is_finished_ok and workchain.results() is None
    distances = [frame.info["fitness"] for frame in workchain.outputs["dft_population"].get_frames()]
    assert distances == pytest.approx([0.1, 0.0, 0.0])


def test_what_the_labels_know_lower_than_the_potential_is_relaxed_by_dft_too(
    search_inputs: dict[str, Any], generate_workchain: Callable, dft: dict[str, Any]
) -> None:
    workchain = generate_workchain(SearchWorkChain, {**search_inputs, "settings": Dict(COMPOSITIONS), "dft_relax": dft})
    workchain.setup()
    workchain.ctx.population = alloys("Cu4", "Au4", "Cu2Au2").store().pk
    workchain.ctx.dataset = labels(["Cu4", "Au4", "CuAu3"]).store().pk
    relaxed = workchain.relax_by_dft()["current"].inputs.population.get_frames()
    assert [frame.get_chemical_formula() for frame in relaxed][-1] == "Au3Cu" and len(relaxed) == 4


def test_structures_that_dft_cannot_relax_end_a_search_with_all_its_other_results(
    search_inputs: dict[str, Any], generate_workchain: Callable, add_child: Callable, dft: dict[str, Any]
) -> None:
    workchain = generate_workchain(SearchWorkChain, {**search_inputs, "dft_relax": dft})
    workchain.setup()
    workchain.ctx.population = population(rank(relaxed_frames(0), SearchSettings.parse(SEARCH))).store().pk
    add_child(workchain, "dft_relax", {}, status=401, message="None of 2 structures succeeded", job=False)
    assert workchain.results().status == 405
    assert workchain.outputs["population"].count == 3


def test_finalists_of_every_pressure_are_relaxed_by_dft(
    search_inputs: dict[str, Any], generate_workchain: Callable, add_child: Callable, dft: dict[str, Any]
) -> None:
    finalists = {"settings": Dict(FINALISTS), "max_concurrent": 3}
    workchain = generate_workchain(CspWorkChain, {"search": search_inputs, "sscha": finalists, "dft_relax": dft})
    ranked = population(rank(relaxed_frames(0), SearchSettings.parse(SEARCH)))
    add_child(workchain, "rank_p5", {"result": ranked})
    (child,) = workchain.relax_by_dft().values()
    assert child.label == "dft_relax_p5" and child.inputs.population.count == 2
    add_child(workchain, "dft_relax_p5", {"population": population(relaxed_frames(0, 2))}, job=False)
    assert workchain.dft_results() is None
    assert workchain.outputs["dft_populations"]["p5"].count == 2


def test_what_the_labels_of_all_pressures_know_lower_is_relaxed_by_dft_at_each(
    search_inputs: dict[str, Any], generate_workchain: Callable, add_child: Callable, dft: dict[str, Any]
) -> None:
    search = {**search_inputs, "settings": Dict(COMPOSITIONS)}
    inputs = {"search": search, "pressures": List([5.0, 10.0]), "sscha": {"settings": Dict(FINALISTS)}}
    workchain = generate_workchain(CspWorkChain, {**inputs, "dft_relax": dft})
    for name, formulas in (("p5", ["Cu4", "Au4", "CuAu3"]), ("p10", ["Au4", "Cu4", "Cu3Au"])):
        found = {"population": alloys("Cu4"), "dataset": labels(formulas, name)}
        add_child(workchain, f"search_{name}", found, job=False)
        add_child(workchain, f"rank_{name}", {"result": alloys("Cu4", "Au4", "Cu2Au2")})
    children = list(workchain.relax_by_dft().values())
    assert [child.label for child in children] == ["dft_relax_p5", "dft_relax_p10"]
    for child in children:
        relaxed = {frame.get_chemical_formula() for frame in child.inputs.population.get_frames()}
        assert relaxed == {"Cu4", "Au4", "Au2Cu2", "Au3Cu", "AuCu3"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engine": "anhcsp.label.gpaw"}, "dft_relax.engine: 'anhcsp.label.gpaw' does not relax by DFT"),
        ({"settings": {"number": 0}}, "dft_relax.settings.number"),
        ({"inputs": {}}, "dft_relax.inputs.code: anhcsp.dft_relax.gpaw needs it"),
        ({"inputs": {"chunks": 2}}, "dft_relax.inputs.chunks: anhcsp.dft_relax.gpaw has no such input"),
    ],
)
def test_what_the_dft_relaxation_would_refuse_is_refused_before_anything_runs(
    change: dict[str, Any],
    message: str,
    search_inputs: dict[str, Any],
    generate_workchain: Callable,
    dft: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match=message):
        changed = {**dft, **change}
        changed["settings"] = Dict(dict(changed["settings"]))
        generate_workchain(SearchWorkChain, {**search_inputs, "dft_relax": changed})
