"""Structures ranked by free energy."""

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

    from aiida_anhcsp.calculations.functions.ranking import ranking_table

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
    from aiida_anhcsp.calculations.functions.distances import shortest_distances

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


def in_supercell(gibbs: float, number: int, shift: float | None) -> Any:
    """A result in number^3 cells of 20 angstrom^3; ``shift`` in eV/atom, with half of it as its error."""
    size = {"imaginary_modes": 2} if shift is None else {"shift": 4 * shift, "shift_error": 2 * abs(shift)}
    stages = [{"supercell": [1, 1, 1]}, {"supercell": [number] * 3}]
    return result(gibbs, stages=stages, volume=20.0, n_atoms=4, finite_size=size)


def test_supercells_of_different_size_are_ranked_at_one_density_of_q_points() -> None:
    given = {
        "population_p130": population(-1.0, -0.9),
        "result_a": in_supercell(-0.600, 1, 0.010),
        "result_b": in_supercell(-0.596, 2, 0.002),
    }
    table = rows({"a": run(0), "b": run(1)}, **given)
    assert [row["id"] for row in table] == ["g000-0001", "g000-0000"]
    assert [row["gibbs_free_energy"] for row in table] == pytest.approx([-0.594, -0.590])
    assert [row["gibbs_free_energy_error"] for row in table] == pytest.approx([5**0.5 * 1e-3, 29**0.5 * 1e-3])
    assert [row["finite_size_shift"] for row in table] == pytest.approx([0.002, 0.010])
    assert [row["finite_size_error"] for row in table] == pytest.approx([0.001, 0.005])
    assert [row["supercell"] for row in table] == [[2, 2, 2], [1, 1, 1]]


def test_free_energies_of_one_density_stay_as_they_are() -> None:
    given = {"result_a": in_supercell(-0.600, 2, 0.010), "result_b": in_supercell(-0.596, 2, 0.002)}
    table = rows({"a": run(0), "b": run(1)}, population_p130=population(-1.0, -0.9), **given)
    assert [row["gibbs_free_energy"] for row in table] == [-0.600, -0.596]
    assert "finite_size_shift" not in table[0]


def test_the_supercells_own_free_energies_rank_where_that_is_asked_for() -> None:
    from aiida.orm import Bool

    given = {"result_a": in_supercell(-0.600, 1, 0.010), "result_b": in_supercell(-0.596, 2, 0.002)}
    runs = {"a": run(0), "b": run(1)}
    table = rows(runs, population_p130=population(-1.0, -0.9), match_q_density=Bool(False), **given)
    assert [row["gibbs_free_energy"] for row in table] == [-0.600, -0.596]


def test_a_free_energy_that_cannot_be_carried_is_told() -> None:
    given = {"result_a": in_supercell(-0.600, 1, None), "result_b": in_supercell(-0.596, 2, 0.002)}
    table = rows({"a": run(0), "b": run(1)}, population_p130=population(-1.0, -0.9), **given)
    assert "2 modes are imaginary" in table[0]["unmatched"]
    assert table[0]["gibbs_free_energy"] == -0.600
    assert "unmatched" not in table[1]


def test_corrected_free_energies_are_carried_alike() -> None:
    from aiida.orm import Dict

    document = Dict({"gibbs_free_energy": -2.1, "gibbs_free_energy_error": 0.0, "n_labels": 9})
    given = {"result_a": in_supercell(-0.600, 1, 0.010), "result_b": in_supercell(-0.596, 2, 0.002)}
    runs = {"a": run(0), "b": run(1)}
    table = rows(runs, population_p130=population(-1.0, -0.9), correction_a=document, correction_b=document, **given)
    assert [row["gibbs_free_energy_corrected"] for row in table] == pytest.approx([-2.098, -2.090])
    assert table[1]["gibbs_free_energy_corrected_error"] == pytest.approx(0.005)


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


def test_a_second_order_correction_does_not_rank() -> None:
    from aiida.orm import Dict

    def corrected(first: float, second: float) -> Dict:
        order = {"gibbs_free_energy": second, "gibbs_free_energy_error": 0.002}
        return Dict(
            {"gibbs_free_energy": first, "gibbs_free_energy_error": 0.001, "n_labels": 9, "second_order": order}
        )

    table = rows(
        {"a": run(0), "b": run(1)},
        population_p130=population(-1.0, -0.9),
        result_a=result(-0.5),
        result_b=result(-0.6),
        correction_a=corrected(-2.1, -2.2),
        correction_b=corrected(-2.0, -2.9),
    )
    assert [(row["id"], row["gibbs_free_energy_corrected"]) for row in table] == [
        ("g000-0000", -2.1),
        ("g000-0001", -2.0),
    ]


def test_the_free_energy_at_the_reference_s_minimum_ranks_with_its_own_error() -> None:
    from aiida.orm import Dict

    minimum = {"converged": True, "gibbs_free_energy": -2.2, "gibbs_free_energy_error": 0.003}
    document = {"gibbs_free_energy": -2.1, "gibbs_free_energy_error": 0.001, "n_labels": 9, "reminimised": minimum}
    (row,) = rows(
        {"a": run(0)},
        population_p130=population(-1.0),
        result_a=result(-0.5),
        correction_a=Dict(document),
    )
    assert (row["gibbs_free_energy_corrected"], row["gibbs_free_energy_corrected_error"]) == (-2.2, 0.003)


def test_each_temperature_has_a_ranking_of_its_own() -> None:
    table = rows(
        {"a": run(0, 300.0), "b": run(0), "c": run(1)},
        population_p130=population(-1.0, -0.9),
        result_a=result(-0.7),
        result_b=result(-0.5),
        result_c=result(-0.6),
    )
    assert [(row["temperature"], row["rank"]) for row in table] == [(0.0, 1), (0.0, 2), (300.0, 1)]


def magnesium_hydrides(**structures: Atoms) -> Any:
    """A ranked population of the crystals by id, at 130 GPa."""
    from aiida_anhcsp.data.population import PopulationData

    frames = []
    for place, (name, frame) in enumerate(structures.items(), start=1):
        frame.info = {"id": name, "pressure": 130.0, "enthalpy": -1.0 * place, "rank": place, "spacegroup": "P1"}
        frames.append(frame)
    return PopulationData.from_frames(frames)


def crystal(formula: str, a: float) -> Atoms:
    return Atoms(formula, scaled_positions=np.linspace(0, 0.9, len(Atoms(formula)))[:, None] * [1, 1, 1], cell=[a] * 3)


@pytest.fixture
def hydrides() -> Any:
    crystals = {"mg": "Mg2", "h": "H4", "mgh2": "MgH2", "high": "Mg2H4", "mgh": "MgH"}
    cells = {name: crystal(formula, 3.0 + 0.4 * index) for index, (name, formula) in enumerate(crystals.items())}
    for cell in cells.values():
        cell.pbc = True
    return magnesium_hydrides(**cells)


def at_130(*names: str) -> dict[str, Any]:
    return {name: {"id": name, "pressure": 130.0, "temperature": 0.0} for name in names}


def test_different_compositions_are_ranked_by_their_distance_from_the_gibbs_hull(hydrides: Any) -> None:
    """Per atom the lowest is hydrogen; the hull says what is stable. MgH lies 0.1 above the line of Mg and MgH2."""
    free_energies = {"mg": -1.0, "h": -4.0, "mgh2": -3.2, "high": -3.15}
    nodes = {f"result_{name}": result(value) for name, value in free_energies.items()}
    nodes["result_mgh"] = result(-1.0 / 4 - 3.2 * 3 / 4 + 0.1)
    table = rows(at_130(*free_energies, "mgh"), population_p130=hydrides, **nodes)
    by_id = {row["id"]: row for row in table}
    assert [(row["id"], row["rank"]) for row in (table[0], *table[3:])] == [("mgh2", 1), ("high", 4), ("mgh", 5)]
    distances = {name: row["hull_distance"] for name, row in by_id.items()}
    assert distances["mgh"] == pytest.approx(0.1)
    assert distances["mg"] == distances["h"] == 0.0
    assert distances["high"] == pytest.approx(0.05)
    assert distances["mgh2"] == pytest.approx(-0.05)
    assert by_id["high"]["hull_distance_error"] == pytest.approx(0.002 * np.sqrt(2), rel=0.1)
    assert by_id["mgh2"]["stable"] > 0.99 and by_id["high"]["stable"] < 0.01
    assert by_id["high"]["relative_gibbs_free_energy"] == pytest.approx(50.0)
    assert by_id["mgh"]["relative_gibbs_free_energy"] == by_id["h"]["relative_enthalpy"] == 0.0


def test_free_energy_of_a_compound_without_one_of_its_element_is_not_ranked(hydrides: Any) -> None:
    table = rows(at_130("mg", "mgh2", "h"), population_p130=hydrides, result_mg=result(-1.0), result_mgh2=result(-3.2))
    assert all("rank" not in row and "hull_distance" not in row for row in table)
    assert {row["id"]: row.get("reason") for row in table}["mgh2"].startswith("not ranked: no phase of H alone")


def test_what_merges_in_sscha_is_one_phase_of_the_hull(hydrides: Any) -> None:
    """Two names of one structure, a tenth of a meV apart, would each be on the hull in half of the draws."""
    from aiida.orm import StructureData

    free_energies = {"mg": -1.0, "h": -4.0, "mgh2": -3.2, "high": -3.1999}
    nodes = {f"result_{name}": result(value) for name, value in free_energies.items()}
    final = StructureData(ase=hydrides.get_frame("mgh2"))
    nodes |= {"structure_mgh2": final, "structure_high": final.clone()}
    by_id = {row["id"]: row for row in rows(at_130(*free_energies), population_p130=hydrides, **nodes)}
    assert by_id["high"]["merged_into"] == "mgh2"
    assert by_id["high"]["hull_distance"] == by_id["mgh2"]["hull_distance"] < -0.1
    assert by_id["high"]["stable"] > 0.99


def test_one_composition_has_no_hull() -> None:
    (row,) = rows({"a": run(0)}, population_p130=population(-1.0), result_a=result(-0.5))
    assert "hull_distance" not in row


def test_elements_have_the_distances_of_like_atoms() -> None:
    from aiida_anhcsp.calculations.functions.distances import shortest_distances

    assert shortest_distances(bulk("Cu", a=3.6)) == {"Cu-Cu": [pytest.approx(2.5456), pytest.approx(3.6)]}


def test_runs_that_came_to_one_crystal_say_how_far_their_free_energies_are_apart() -> None:
    from aiida.orm import Dict, StructureData

    from aiida_anhcsp.calculations.functions.ranking import ranking_table

    corrections = {
        name: Dict({"gibbs_free_energy": gibbs, "gibbs_free_energy_error": 0.001, "n_labels": 20})
        for name, gibbs in (("a", -0.701), ("b", -0.700))
    }
    ends = {"a": h3s(), "b": h3s(0.002), "c": h3s(0.15)}
    table = ranking_table(
        runs=Dict({"a": run(0), "b": run(1), "c": run(2)}),
        population_p130=population(-1.0, -0.9, -0.8),
        **{f"result_{name}": result(gibbs) for name, gibbs in (("a", -0.5), ("b", -0.53), ("c", -0.51))},
        **{f"structure_{name}": StructureData(ase=atoms) for name, atoms in ends.items()},
        **{f"correction_{name}": node for name, node in corrections.items()},
    ).get_dict()
    (group,) = table["identical"]
    assert group["ids"] == ["g000-0000", "g000-0001"]
    assert (group["pressure"], group["temperature"]) == (130.0, 0.0)
    assert group["divergence"] == pytest.approx(
        {"gibbs_free_energy": 30.0, "gibbs_free_energy_corrected": 1.0}, abs=1e-6
    )
    assert {row["id"]: row.get("same_as") for row in table["rows"]} == {
        "g000-0000": None,
        "g000-0001": "g000-0000",
        "g000-0002": None,
    }
