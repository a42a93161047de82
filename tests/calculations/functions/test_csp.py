"""The tables at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

LATTICE = 3.0


def h3s(displacement: float = 0.0) -> Atoms:
    """H3S in the primitive cell of Im-3m; the hydrogens move by ``displacement`` towards a sulfur each (R3m)."""
    cell = LATTICE / 2 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    hydrogen = LATTICE / 2 * np.eye(3)
    return Atoms("SH3", positions=[[0, 0, 0], *(hydrogen - displacement * np.eye(3))], cell=cell, pbc=True)


def population(*enthalpies: float) -> Any:
    from aiida_anhcsp.data.population import PopulationData

    frames = []
    for index, enthalpy in enumerate(enthalpies):
        frame = h3s(0.1)
        frame.info = {"id": f"g000-{index:04d}", "pressure": 130.0, "enthalpy": enthalpy, "rank": index + 1}
        frame.info["spacegroup"] = "R3m"
        frames.append(frame)
    return PopulationData.from_frames(frames)


def rows(runs: dict[str, Any], **nodes: Any) -> list[dict[str, Any]]:
    from aiida.orm import Dict

    from aiida_anhcsp.calculations.functions.csp import ranking_table

    table: list[dict[str, Any]] = ranking_table(runs=Dict(runs), **nodes)["rows"]
    return table


def result(gibbs: float, converged: bool = True, **more: Any) -> Any:
    from aiida.orm import Dict

    keys = {"gibbs_free_energy": gibbs, "gibbs_free_energy_error": 0.002, "spacegroup_final": "Im-3m"}
    return Dict({"converged": converged, **keys, **more})


def run(index: int, temperature: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"id": f"g000-{index:04d}", "pressure": 130.0, "temperature": temperature, **more}


@pytest.fixture(autouse=True)
def profile(aiida_profile: Any) -> None:
    """Nodes need a profile."""


def test_symmetric_h3s_has_one_distance_and_the_distorted_one_two() -> None:
    from aiida_anhcsp.calculations.functions.csp import shortest_distances

    symmetric = shortest_distances(h3s(), cutoff=2.0)["H-S"]
    distorted = shortest_distances(h3s(0.1), cutoff=2.0)["H-S"]
    assert symmetric == pytest.approx([1.5])
    assert distorted == pytest.approx([1.4, 1.6])


def test_structures_are_ranked_by_free_energy_whatever_their_enthalpy() -> None:
    from aiida.orm import StructureData

    table = rows(
        {"a": run(0), "b": run(1)},
        population_p130=population(-1.0, -0.9),
        result_a=result(-0.5),
        result_b=result(-0.6),
        structure_b=StructureData(ase=h3s()),
    )
    assert [(row["id"], row["rank"], row["rank_by_enthalpy"]) for row in table] == [
        ("g000-0001", 1, 2),
        ("g000-0000", 2, 1),
    ]
    assert table[0]["distances"]["initial"]["H-S"] == pytest.approx([1.4, 1.6])
    assert table[0]["distances"]["final"]["H-S"][0] == pytest.approx(1.5)
    assert table[0]["spacegroup_initial"] == "R3m"
    assert table[0]["spacegroup_final"] == "Im-3m"
    assert table[1]["relative_gibbs_free_energy"] == pytest.approx(100.0)
    assert table[0]["relative_enthalpy"] == pytest.approx(100.0)


def test_failed_run_is_a_row_with_its_reason_behind_the_others() -> None:
    table = rows(
        {"a": run(0, reason="SschaWorkChain exit status 401: exploded"), "b": run(1)},
        population_p130=population(-1.0, -0.9),
        result_b=result(-0.6),
    )
    assert [row["id"] for row in table] == ["g000-0001", "g000-0000"]
    assert table[1]["reason"].endswith("exploded")
    assert "rank" not in table[1]


def test_what_an_audit_found_without_convergence_is_ranked_as_an_upper_bound() -> None:
    table = rows(
        {"a": run(0, reason="not at rest"), "b": run(1), "c": run(2, reason="no audit")},
        population_p130=population(-1.0, -0.9, -0.8),
        result_a=result(-0.7, converged=False, source="audit"),
        result_b=result(-0.6),
        result_c=result(-0.9, converged=False, source="minimisation"),
    )
    assert [(row["id"], row.get("rank"), row.get("upper_bound", False)) for row in table] == [
        ("g000-0000", 1, True),
        ("g000-0001", 2, False),
        ("g000-0002", None, False),
    ]
    assert table[1]["relative_gibbs_free_energy"] == pytest.approx(100.0)
    assert not table[0]["converged"]


def test_each_temperature_has_a_ranking_of_its_own() -> None:
    table = rows(
        {"a": run(0, 300.0), "b": run(0), "c": run(1)},
        population_p130=population(-1.0, -0.9),
        result_a=result(-0.7),
        result_b=result(-0.5),
        result_c=result(-0.6),
    )
    assert [(row["temperature"], row["rank"]) for row in table] == [(0.0, 1), (0.0, 2), (300.0, 1)]


def test_elements_have_the_distances_of_like_atoms() -> None:
    from aiida_anhcsp.calculations.functions.csp import shortest_distances

    assert shortest_distances(bulk("Cu", a=3.6)) == {"Cu-Cu": [pytest.approx(2.5456), pytest.approx(3.6)]}
