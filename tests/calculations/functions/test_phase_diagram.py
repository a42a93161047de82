"""Phases that become one, at rest and with quantum ions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from .test_ranking import h3s

PRESSURES = [float(pressure) for pressure in range(100, 190, 10)]
ERROR = 0.001
"""eV/atom, of each free energy."""


@pytest.fixture(autouse=True)
def profile(aiida_profile: Any) -> None:
    """Nodes need a profile."""


def symmetric(pressure: float) -> float:
    """G or H of Im-3m, eV/atom."""
    return -5.0 + 0.03 * pressure


def below(pressure: float, end: float) -> float:
    """G or H of R3m, which joins Im-3m at ``end`` (GPa) without a jump of its slope."""
    return symmetric(pressure) - 1e-5 * max(end - pressure, 0.0) ** 2


def distorted(pressure: float, end: float) -> Atoms:
    """R3m at a pressure, Im-3m from ``end`` on."""
    return h3s(0.02 * max(end - pressure, 0.0) ** 0.5)


class Phases:
    """A diagram of given energies and structures by phase."""

    def __init__(self) -> None:
        self.energies: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {}
        self.structures: dict[str, tuple[Callable[[float], Atoms], Callable[[float], Atoms]]] = {}
        self.groups: dict[str, Callable[[Atoms], str]] = {}
        self.sizes: dict[str, dict[str, Any]] = {}

    def add(self, name: str, energies: Any, structures: Any, group: Any) -> None:
        """Enthalpy and free energy, relaxed and final structure, all of the pressure."""
        self.energies[name], self.structures[name], self.groups[name] = energies, structures, group

    def table(self) -> dict[str, Any]:
        """The document."""
        from aiida.orm import Dict, StructureData

        from aiida_anhcsp.calculations.functions.phase_diagram import phase_table
        from aiida_anhcsp.data.population import PopulationData

        runs, nodes = {}, {}
        for pressure in PRESSURES:
            frames = []
            for place, name in enumerate(self.energies):
                (enthalpy, gibbs), (relaxed, final) = self.energies[name], self.structures[name]
                frame, end = relaxed(pressure), final(pressure)
                frame.info = {"id": name, "pressure": pressure, "enthalpy": enthalpy(pressure)}
                frame.info["spacegroup"] = self.groups[name](frame)
                frames.append(frame)
                key = f"p{pressure:.0f}_{place}"
                runs[key] = {"id": name, "pressure": pressure, "temperature": 0.0}
                result = {"converged": True, "gibbs_free_energy": gibbs(pressure), "gibbs_free_energy_error": ERROR}
                result |= self.sizes.get(name, {})
                nodes[f"result_{key}"] = Dict({**result, "spacegroup_final": self.groups[name](end)})
                nodes[f"structure_{key}"] = StructureData(ase=end)
            nodes[f"population_p{pressure:.0f}"] = PopulationData.from_frames(frames)
        document: dict[str, Any] = phase_table(runs=Dict(runs), **nodes).get_dict()
        return document


def r3m_or_im3m(frame: Atoms) -> str:
    return "Im-3m" if np.allclose(frame.positions, h3s().positions) else "R3m"


def hydride(noise: Callable[[float], float], names: tuple[str, str] = ("cubic", "distorted")) -> Phases:
    """R3m that joins Im-3m at 160 GPa at rest and at 130 GPa with quantum ions; ``noise`` is that of G."""
    phases = Phases()
    same = (lambda _: h3s(), lambda _: h3s())
    phases.add(names[0], (symmetric, lambda p: symmetric(p) + noise(p)), same, r3m_or_im3m)
    energies = (lambda p: below(p, 160.0) + 1e-6 * (-1) ** int(p / 10), lambda p: below(p, 130.0) - noise(p))
    structures = (lambda p: distorted(p, 160.0), lambda p: distorted(p, 130.0))
    phases.add(names[1], energies, structures, r3m_or_im3m)
    return phases


def alternating(pressure: float) -> float:
    return 0.8 * ERROR * (-1) ** int(pressure / 10)


@pytest.mark.parametrize("names", [("cubic", "distorted"), ("z", "a")])
def test_one_phase_represents_the_merged_pair_whatever_the_noise(names: tuple[str, str]) -> None:
    document = hydride(alternating, names).table()
    merged = {(row["id"], row["pressure"]): row["merged_into"] for row in document["rows"] if "merged_into" in row}
    assert merged == {(names[1], pressure): names[0] for pressure in PRESSURES if pressure >= 130}


def test_a_continuous_merging_is_no_transition_but_has_its_interval() -> None:
    document = hydride(alternating).table()
    assert document["transitions"] == []
    assert document["mergings"] == [
        {"kind": "classical", "phase": "distorted", "into": "cubic", "separate": 150.0, "merged": 160.0},
        {"kind": "quantum", "temperature": 0.0, "phase": "distorted", "into": "cubic", "separate": 120.0}
        | {"merged": 130.0},
    ]


def test_enthalpies_that_coincide_above_a_pressure_give_no_classical_transition() -> None:
    document = hydride(lambda _: 0.0).table()
    at_rest = {row["pressure"] for row in document["rows"] if "merged_at_rest" in row}
    assert at_rest == {pressure for pressure in PRESSURES if pressure >= 160}
    assert [found for found in document["transitions"] if found["kind"] == "classical"] == []


def test_a_transition_is_one_of_free_energies_at_one_density_of_q_points() -> None:
    slope, shift = 1e-3, 0.02
    phases = Phases()
    other = h3s(0.3)
    fixed = (lambda _: h3s(), lambda _: h3s())
    phases.add("cubic", (symmetric, symmetric), fixed, r3m_or_im3m)
    crossing = (symmetric, lambda p: symmetric(p) + slope * (p - 130.0))
    phases.add("other", crossing, (lambda _: other.copy(), lambda _: other.copy()), r3m_or_im3m)
    for name, number, moved in (("cubic", 2, 0.0), ("other", 1, shift)):
        size = {"shift": 4 * moved, "shift_error": 2 * moved}
        stages = [{"supercell": [number] * 3}]
        phases.sizes[name] = {"stages": stages, "volume": 20.0, "n_atoms": 4, "finite_size": size}
    document = phases.table()
    (found,) = [each for each in document["transitions"] if each["kind"] == "quantum"]
    assert (found["lower"], found["upper"]) == ("other", "cubic")
    assert found["pressure"] == pytest.approx(130.0 - shift / slope)
    assert {row["finite_size_shift"] for row in document["rows"] if row["id"] == "other"} == {shift}


def test_a_third_phase_meets_the_merged_pair_once_in_nearly_all_of_many_noisy_diagrams() -> None:
    from aiida_anhcsp.calculations.functions.phase_diagram import changes

    pair = hydride(lambda _: 0.0).table()["rows"]
    for crossing, into in ((112.0, "distorted"), (126.0, None), (148.0, "cubic")):
        lowest = below(crossing, 130.0)
        third = [
            {**row, "id": "third", "gibbs_free_energy": lowest + 0.032 * (row["pressure"] - crossing)}
            for row in pair
            if row["id"] == "cubic"
        ]
        found = []
        for seed in range(200):
            noise = np.random.default_rng(seed).normal(0, ERROR, len(pair) + len(third))
            rows = [
                {**row, "gibbs_free_energy": row["gibbs_free_energy"] + shift}
                for row, shift in zip([*pair, *third], noise, strict=True)
            ]
            found.append([each for each in changes(rows)["transitions"] if each["kind"] == "quantum"])
        once = [each[0] for each in found if len(each) == 1]
        assert len(once) >= 195
        assert {each["lower"] for each in once} == {"third"}
        assert into is None or sum(each["upper"] == into for each in once) >= 195
        assert np.mean([each["pressure"] for each in once]) == pytest.approx(crossing, abs=0.3)
