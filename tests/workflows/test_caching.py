"""With AiiDA's caching, only what depends on a change of a finished run is computed again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiida_anhcsp.engine.frames import read_frames
from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.search.loop import search
from aiida_anhcsp.engine.search.settings import SearchSettings

pytestmark = pytest.mark.slow

SEARCH = {
    "formula": "Cu",
    "formula_units": "1-2",
    "pressure": 10.0,
    "population": 3,
    "generations": 1,
    "seed": 2,
    "relax": {"fmax": 0.005, "max_steps": 300},
    "operators": {"random": 0.5, "heredity": 0.5},
}


@pytest.fixture
def computed(aiida_profile: Any) -> Callable[..., tuple[Any, list[str]]]:
    """Run a work chain with caching: returns its node and, sorted, the labels of the jobs that did run."""
    from aiida.engine import run_get_node
    from aiida.manage.caching import enable_caching
    from aiida.orm import CalcJobNode

    def run(process: Any, inputs: dict[str, Any]) -> tuple[Any, list[str]]:
        with enable_caching():
            _, node = run_get_node(process, **inputs)
        assert node.is_finished_ok, node.exit_message
        jobs = [child for child in node.called_descendants if isinstance(child, CalcJobNode)]
        return node, sorted(_name(job) for job in jobs if not job.base.caching.is_created_from_cache)

    return run


def _name(job: Any) -> str:
    return job.label if job.caller.caller is None else f"{job.caller.label} {job.label}"


def test_another_temperature_computes_only_its_own_sscha(engine_code: Any, emt: Any, computed: Callable) -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.csp import CspWorkChain

    def inputs(temperatures: list[float]) -> dict[str, Any]:
        finalists = {"number": 1, "temperatures": temperatures, "stages": ["2x2x2:40"], "seed": 1}
        searched = {"code": engine_code, "potential": emt, "settings": Dict(SEARCH)}
        return {"search": searched, "sscha": {"settings": Dict(finalists)}}

    first, jobs = computed(CspWorkChain, inputs([0.0]))
    assert len(jobs) == 5  # generate, relax, relax again; stage and audit
    second, jobs = computed(CspWorkChain, inputs([0.0, 300.0]))
    assert len(jobs) == 2
    assert all("_t300_" in job for job in jobs), jobs
    cold = [row for row in second.outputs.ranking["rows"] if row["temperature"] == 0]
    assert [row["gibbs_free_energy"] for row in cold] == [
        row["gibbs_free_energy"] for row in first.outputs.ranking["rows"]
    ]


def test_more_generations_and_another_ranking_compute_only_what_is_new(
    engine_code: Any, emt: Any, computed: Callable, tmp_path: Path
) -> None:
    from aiida.orm import Dict

    from aiida_anhcsp.workflows.search import SearchWorkChain

    inputs = {"code": engine_code, "potential": emt}
    _, jobs = computed(SearchWorkChain, {**inputs, "settings": Dict({**SEARCH, "seed": 3})})
    assert jobs == ["generation_000_generate", "generation_000_relax job_00"]
    changed = {**SEARCH, "seed": 3, "generations": 2, "duplicates": {"fingerprint": 0.05}}
    node, jobs = computed(SearchWorkChain, {**inputs, "settings": Dict(changed)})
    assert jobs == ["generation_001_relax job_00", "generation_001_vary"]
    search(SearchSettings.parse(changed), load_potential("ase:ase.calculators.emt:EMT"), tmp_path)
    expected = read_frames(tmp_path / "population.extxyz")
    assert [frame.info for frame in node.outputs.population.get_frames()] == [frame.info for frame in expected]
