"""Where a run stands."""

from __future__ import annotations

from collections.abc import Callable

from aiida.common.links import LinkType
from aiida.orm import Dict, WorkChainNode
from plumpy import ProcessState

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.report.progress import duration, messages_of, progress_of

from .conftest import call, generation


def test_progress_counts_generations_and_relaxed_structures(search: WorkChainNode) -> None:
    progress = progress_of(search)
    assert (progress.generation, progress.generations) == (2, 2)
    assert (progress.relaxed, progress.structures) == (2, 6)


def test_progress_counts_seeds_and_symmetrised_copies(search: WorkChainNode, job: Callable) -> None:
    seeds = generation(0, [0.1, 0.2, float("inf")]).store()
    again = WorkChainNode(process_type="aiida.workflows:anhcsp.search")
    again.base.links.add_incoming(search.inputs.settings, LinkType.INPUT_WORK, "settings")
    again.base.links.add_incoming(seeds, LinkType.INPUT_WORK, "seeds")
    again.store()
    copies, relaxation = generation(1, [0.3]).store(), job("anhcsp.relax")
    relaxation.base.links.add_incoming(copies, LinkType.INPUT_CALC, "population")
    call(again, job("anhcsp.relax"), "generation_000_relax", {"population": generation(0, [0.1, 0.2])})
    call(again, relaxation, "generation_001_symmetrised", {"population": generation(1, [0.3])})
    assert (progress_of(again).relaxed, progress_of(again).structures) == (3, 6 + 2 + 1)


def test_sscha_runs_that_are_due_are_counted_before_they_are_submitted(search: WorkChainNode, job: Callable) -> None:
    root = WorkChainNode(process_type="aiida.workflows:anhcsp.csp")
    finalists = Dict({"number": 2, "temperatures": [0.0, 300.0], "stages": ["2x2x2:20"], "seed": 1}).store()
    root.base.links.add_incoming(finalists, LinkType.INPUT_WORK, "sscha__settings")
    root.base.links.add_incoming(search.inputs.settings, LinkType.INPUT_WORK, "search__settings")
    root.store()
    call(root, job("anhcsp.rank"), "rank_p10", {"result": generation(0, [0.1, 0.2, 0.3])})
    call(root, WorkChainNode(process_type="aiida.workflows:anhcsp.sscha"), "sscha_p10_t0_g000_0000", {})
    assert "1 of 4 SSCHA runs ended" in progress_of(root).line
    choice = {"g000-0000": None, "g000-0001": "g000-0000", "g000-0002": None}
    call(search, job("anhcsp.plan"), "generation_000_plan_sscha", {"result": Dict({"choice": choice})})
    assert "0 of 2 SSCHA runs ended" in progress_of(search).line


def test_progress_names_what_runs_now(search: WorkChainNode) -> None:
    assert progress_of(search).line.endswith("now: generation_001_relax (created)")


def test_an_excepted_run_shows_the_last_line_of_its_exception(search: WorkChainNode) -> None:
    search.set_process_state(ProcessState.EXCEPTED)
    search.set_exception("Traceback (most recent call last):\n  somewhere\nValueError: the reason\n")
    assert progress_of(search).state == "excepted: ValueError: the reason"


def test_messages_come_without_prefix_and_only_once(search: WorkChainNode) -> None:
    search.logger.log(23, "[1|SearchWorkChain|rank]: generation 0: 2 relaxed, 1 failed")
    ((number, _, _, text),) = messages_of(search)
    assert text == "generation 0: 2 relaxed, 1 failed"
    search.logger.log(23, "[1|SearchWorkChain|on_terminated]: remote folders will not be cleaned")
    assert messages_of(search, after=number) == []


def test_progress_tells_the_error_of_the_latest_potential_and_what_failed(whole: WorkChainNode) -> None:
    progress = progress_of(whole)
    assert progress.rmse == {"energy": 10.0, "force": 50.0}
    assert "RMSE 10.0 meV/atom, 50 meV/angstrom" in progress.line
    assert progress.failed == 0
    whole.set_exit_status(404)
    assert "1 processes failed" in progress_of(whole).line


def test_time_left_is_told_once_a_generation_is_done(search: WorkChainNode) -> None:
    assert progress_of(search).seconds_left is None  # the second of two generations is at work


def test_times_are_told_in_words() -> None:
    assert [duration(seconds) for seconds in (40, 720, 12600)] == ["40 s", "12 min", "3.5 h"]


def test_a_search_by_free_energy_shows_the_lowest_with_its_error_and_space_groups(
    search: WorkChainNode, job: Callable
) -> None:
    frames = generation(0, [0.1, 0.2]).get_frames()
    for frame, gibbs, rank in zip(frames, (0.5, 0.4), (2, 1), strict=True):
        frame.info |= {"gibbs_free_energy": gibbs, "gibbs_free_energy_error": 0.002, "rank": rank}
        frame.info["spacegroup_final"] = "Im-3m"
    outputs = {"result": PopulationData.from_frames(frames)}
    call(search, job("anhcsp.relax"), "generation_000_rank", outputs)
    text = "lowest Gibbs free energy 0.4000 +- 0.0020 eV/atom (g000-0001, Fm-3m -> Im-3m)"
    assert text in progress_of(search).line
