"""The map of structures."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from aiida_anhcsp.report.page.landscape import coordinates, landscape, library


def test_what_is_alike_is_near(crystals: list[Atoms]) -> None:
    places = coordinates(crystals)
    near = np.linalg.norm(places[0] - places[3])
    assert all(near < 0.1 * np.linalg.norm(places[0] - places[other]) for other in (1, 2))


def test_one_structure_is_a_map_too(crystals: list[Atoms]) -> None:
    assert coordinates(crystals[:1]).tolist() == [[0.0, 0.0]]


def test_map_begins_with_the_lowest(crystals: list[Atoms]) -> None:
    dataset = landscape(crystals[::-1], "copper")
    energies = dataset["properties"]["energy above the lowest (meV/atom)"]["values"]
    assert energies == sorted(energies)
    assert len(dataset["structures"]) == 4


def test_the_library_is_the_program_and_not_a_link() -> None:
    assert "DefaultVisualizer" in library()
