"""The projection of the overhead benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "overhead"


def test_what_belongs_to_a_generation_is_linear_and_the_rankings_are_quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    from overhead import projection

    # 1 kB a structure: 500 ranked, 1000 merged and 1000 ranked are 2.5 MB; the other 1.5 MB belong to the generations
    row = {
        "population": 500,
        "generations": 2,
        "nodes": 40,
        "database": 2e5,
        "repository": 4e6,
        "final_population": 1e6,
    }
    small, large = (projection([row], structures, 500) for structures in (1e5, 1e6))
    assert (small["nodes"], large["nodes"]) == (4000, 40000)
    assert large["database_GB"] == pytest.approx(10 * small["database_GB"])
    assert small["repository_GB"] == pytest.approx(1e5 * 1.5e3 / 1e9, abs=0.01)
    assert small["ranked_GB"] == pytest.approx(1e3 * 500 * 200 * 201 / 1e9, abs=0.01)
    assert large["ranked_GB"] == pytest.approx(100 * small["ranked_GB"], rel=0.01)
