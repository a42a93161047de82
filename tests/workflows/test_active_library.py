"""Decisions of the study with a growing library, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiida.orm import Dict, Int, Str, StructureData
from ase.build import bulk

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.workflows.active_library import ActiveLibraryWorkChain

SETTINGS = {"pressure": 10, "temperature": 300, "stages": ["2x2x2:20"], "seed": 1, "first": 4}


def structures(number: int = 3) -> PopulationData:
    frames = []
    for index in range(number):
        atoms = bulk("Cu", cubic=True, a=3.6 + 0.01 * index)
        atoms.info["id"] = f"g000-{index:04d}"
        frames.append(atoms)
    return PopulationData.from_frames(frames)


@pytest.fixture
def inputs(engine_code: Any, emt: Any) -> dict[str, Any]:
    return {
        "code": engine_code,
        "structures": structures(),
        "settings": Dict(SETTINGS),
        "label_engine": Str("anhcsp.label.ase"),
        "label": {"code": engine_code, "potential": emt},
    }


@pytest.fixture
def study(generate_workchain: Callable, inputs: dict[str, Any]) -> Callable:
    """The work chain before its first structure."""

    def factory(**changes: Any) -> Any:
        workchain = generate_workchain(ActiveLibraryWorkChain, {**inputs, **changes})
        workchain.setup()
        return workchain

    return factory


@pytest.fixture
def ended(add_child: Callable, learner: Any, copper: Any) -> Callable:
    """Let a run of a structure end: with its own potential or a member's, at a free energy or with an exit status."""

    def factory(
        workchain: Any,
        label: str,
        gibbs: float,
        member: str | None = None,
        *,
        status: int = 0,
        a: float = 3.6,
        **more: Any,
    ) -> Any:
        report = {
            "rounds": [{"sampled": 4, "unknown": 4, "labelled": 4}],
            "labels": 1 if member else 4,
            "mlip_calls": 2000 if member else 800,
            "mlip_calls_per_label": 2000.0 if member else 200.0,
            "fresh": False,
            "complete": True,
        }
        if member is not None:
            report |= {"library": member, "held_out": {"before": {"energy": 1.0, "force": 50.0}}}
        result = {"converged": status == 0, "gibbs_free_energy": gibbs, "gibbs_free_energy_error": 0.001}
        outputs = {
            "report": Dict({**report, **more}),
            "result": Dict({**result, "spacegroup_initial": "Fm-3m", "spacegroup_final": "Fm-3m"}),
            "structure": StructureData(ase=bulk("Cu", cubic=True, a=a)),
            "potential": learner.clone(),
            "dataset": copper.clone(),
        }
        return add_child(workchain, label, outputs, status=status, message="no minimum" if status else "", job=False)

    return factory


def run_all(workchain: Any, ended: Callable, energies: list[float], members: list[str | None]) -> None:
    """All structures have ended at these free energies."""
    for number, (gibbs, member) in enumerate(zip(energies, members, strict=True)):
        ended(workchain, f"learn_{number:03d}", gibbs, member)
        workchain.take()


def test_what_a_structure_ended_with_is_offered_to_the_next(study: Callable, ended: Callable) -> None:
    workchain = study()
    assert workchain.has_structure() and workchain.library() == {}
    first = ended(workchain, "learn_000", -3.5)
    workchain.take()
    assert workchain.library()["structure_000"]["potential"].pk == first.outputs.potential.pk
    child = workchain.learn()["current"]
    assert child.inputs.library.structure_000.dataset.pk == first.outputs.dataset.pk
    assert child.inputs.structure.get_ase().cell[0, 0] == pytest.approx(3.61)


def test_potential_that_was_taken_as_it_is_joins_once(study: Callable, ended: Callable, add_child: Callable) -> None:
    workchain = study()
    first = ended(workchain, "learn_000", -3.5)
    outputs = {name: first.outputs[name] for name in ("potential", "dataset")}
    add_child(workchain, "learn_001", outputs, job=False)
    workchain.take()
    workchain.take()
    assert list(workchain.library()) == ["structure_000"]


def test_structure_that_came_to_nothing_leaves_the_library_as_it_was(study: Callable, add_child: Callable) -> None:
    workchain = study()
    add_child(workchain, "learn_000", {}, status=401, message="no labels", job=False)
    workchain.take()
    assert workchain.library() == {} and workchain.has_structure()


def test_all_runs_split_their_labels_by_one_seed(study: Callable, ended: Callable) -> None:
    workchain = study()
    seeds = []
    for number in range(2):
        child = workchain.learn()["current"]
        settings = child.inputs.settings.get_dict()
        assert settings["train"]["split"] == {"validation": 0.0, "seed": 1}
        seeds.append(settings["seed"])
        ended(workchain, f"learn_{number:03d}", -3.5)
        workchain.take()
    assert seeds[0] != seeds[1]


def test_lowest_structures_by_reused_potentials_are_repeated_without_a_library(
    study: Callable, ended: Callable
) -> None:
    workchain = study(repeat=Int(1))
    run_all(workchain, ended, [-3.5, -3.6, -3.4], [None, "structure_000", "structure_000"])
    assert not workchain.has_structure() and workchain.doubtful() == [1]
    (child,) = workchain.learn_afresh().values()
    assert child.label == "fresh_001" and "library" not in child.inputs


def test_false_phase_falls_back_and_the_next_lowest_is_put_to_the_test(study: Callable, ended: Callable) -> None:
    workchain = study(repeat=Int(1))
    run_all(workchain, ended, [-3.5, -3.9, -3.8], [None, "structure_000", "structure_000"])
    ended(workchain, "fresh_001", -3.4)
    assert workchain.doubtful() == [2]
    ended(workchain, "fresh_002", -3.45)
    assert not workchain.has_doubtful()


def test_given_up_and_unconverged_runs_are_not_repeated(study: Callable, ended: Callable) -> None:
    workchain = study(repeat=Int(3))
    ended(workchain, "learn_000", -3.5, "old", fresh=True)
    ended(workchain, "learn_001", -3.9, "old", status=403)
    ended(workchain, "learn_002", -3.8)
    for _ in range(3):
        workchain.take()
    assert not workchain.has_doubtful()


def test_study_ranks_costs_and_compares_identical_structures(
    study: Callable, ended: Callable, add_child: Callable
) -> None:
    workchain = study()
    run_all(workchain, ended, [-3.50, -3.56, -3.4], [None, "structure_000", "structure_001"])
    ended(workchain, "fresh_001", -3.502)
    for name, gibbs in (("learn_000", -3.6010), ("learn_001", -3.6050), ("fresh_001", -3.6012), ("learn_002", -3.59)):
        correction = {"gibbs_free_energy": gibbs, "gibbs_free_energy_error": 0.001, "n_labels": 20}
        add_child(workchain, f"correct_{name}", {"result": Dict(correction)}, job=False)
    assert workchain.results() is None
    document = workchain.outputs["study"].get_dict()
    rows = {(row["id"], row.get("repeated", False)): row for row in document["rows"]}
    assert [row["id"] for row in document["rows"] if "rank" in row] == ["g000-0001", "g000-0000", "g000-0002"]
    assert rows["g000-0001", True]["library"] == "g000-0000" and "rank" not in rows["g000-0001", True]
    assert rows["g000-0001", False]["potential"] == "fresh"
    assert rows["g000-0002", False]["held_out_force_before"] == 50.0
    (group,) = document["identical"]
    assert group["divergence"] == pytest.approx({"gibbs_free_energy": 160.0, "gibbs_free_energy_corrected": 15.0})
    assert len(group["ids"]) == 4
    assert document["cost"]["fresh"] == {"structures": 2, "labels": 8, "mlip_calls": 1600, "mlip_calls_per_label": 200}
    assert document["cost"]["reused"]["mlip_calls_per_label"] == 2000
    assert document["cost"]["correction"] == {"labels": 80}
    assert set(workchain.outputs["library"]) == {"structure_000", "structure_001", "structure_002"}


def test_study_without_a_free_energy_says_why(study: Callable, ended: Callable) -> None:
    workchain = study()
    for number in range(3):
        ended(workchain, f"learn_{number:03d}", -3.5, status=403)
        workchain.take()
    outcome = workchain.results()
    assert outcome.status == 401 and "no minimum" in outcome.message
    assert [row["reason"] for row in workchain.outputs["study"]["rows"]] == ["no minimum"] * 3


def test_run_that_did_not_converge_is_not_corrected(
    study: Callable, add_child: Callable, inputs: dict[str, Any]
) -> None:
    correction = {"settings": Dict({"target": 0.01}), "label_engine": Str("anhcsp.label.ase"), "label": inputs["label"]}
    workchain = study(correction=correction)
    add_child(workchain, "learn_000", {}, status=403, message="no minimum", job=False)
    assert workchain.should_correct() and not workchain.has_uncorrected()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"settings": {**SETTINGS, "stages": ["1x1x1:10"]}}, "settings.sample: a single atom has no vibrations"),
        ({"settings": {**SETTINGS, "threshold": 0.5}}, "settings.threshold"),
        ({"library": {"structure_007": {}}}, "names that begin with structure_"),
        ({"library": {"old": {}}}, "library.old.potential: missing"),
        ({"label": {}}, "label.code"),
        ({"repeat": -1}, "repeat: -1 is less than none"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(study: Callable, change: dict[str, Any], sentence: str) -> None:
    kinds = {"settings": Dict, "repeat": Int}
    with pytest.raises(ValueError, match=sentence):
        study(**{name: kinds[name](value) if name in kinds else value for name, value in change.items()})


def test_structures_without_names_are_refused(study: Callable) -> None:
    with pytest.raises(ValueError, match="structures: every structure needs an id of its own"):
        study(structures=PopulationData.from_frames([bulk("Cu"), bulk("Cu")]))


def test_correction_without_an_audit_is_refused(study: Callable, inputs: dict[str, Any]) -> None:
    correction = {"settings": Dict({}), "label_engine": Str("anhcsp.label.ase"), "label": inputs["label"]}
    with pytest.raises(ValueError, match="audit is off"):
        study(correction=correction, settings=Dict({**SETTINGS, "audit": False}))
