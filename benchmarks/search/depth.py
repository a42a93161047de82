"""How deep the hull of a search over compositions has become, by the number of structures relaxed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from systems import HALF_CU_AU, POPULATION, RELAX

from aiida_anhcsp.engine.search.hull import hull_mean
from aiida_anhcsp.engine.search.rank import is_relaxed, missing_elements
from aiida_anhcsp.engine.search.settings import SearchSettings

GENERATIONS = 8


def search_of(**keys: Any) -> SearchSettings:
    """Settings of a search over cells of two to sixteen atoms, at most eight of each element; eight generations."""
    composition = {"elements": {"Cu": "0-8", "Au": "0-8"}, "atoms": "2-16"}
    common = {"composition": composition, "minimum_distances": HALF_CU_AU, "relax": RELAX}
    return SearchSettings.parse({"population": POPULATION, "generations": GENERATIONS, **common, **keys})


def means(frames: list[Atoms], settings: SearchSettings, given: Sequence[Atoms] = ()) -> list[float | None]:
    """Mean enthalpy of the hull (eV/atom) after every generation's number of structures, None without an element.

    :param given: relaxed structures that a code knows beforehand
    """
    counts = [dict(zip(each.elements, each.counts, strict=True)) for each in settings.compositions()]
    found: list[float | None] = []
    for number in range(settings.population, len(frames) + 1, settings.population):
        relaxed = [frame for frame in [*given, *frames[:number]] if is_relaxed(frame)]
        found.append(None if missing_elements(relaxed, settings) else round(hull_mean(relaxed, counts), 7))
    return found


def lowest_elements(frames: list[Atoms]) -> dict[str, float]:
    """Lowest enthalpy of each element, eV/atom."""
    lowest: dict[str, float] = {}
    for frame in frames:
        if len(set(frame.symbols)) == 1 and is_relaxed(frame):
            symbol = frame.symbols[0]
            lowest[symbol] = min(lowest.get(symbol, float("inf")), round(float(frame.info["enthalpy"]), 7))
    return lowest


def depths(results: dict[str, Any]) -> dict[str, dict[str, list[float | None]]]:
    """Depth of the hulls below the line of the lowest elements, meV/atom, by method and seed."""
    elements: dict[str, float] = {}
    for record in (record for by_seed in results.values() for record in by_seed.values()):
        for symbol, value in record["elements"].items():
            elements[symbol] = min(value, elements.get(symbol, value))
    cells = search_of(seed=0).compositions()
    line = float(np.mean([sum(elements[symbol] for symbol in cell.symbols) / cell.n_atoms for cell in cells]))
    return {
        name: {
            seed: [None if value is None else round(1000 * (value - line), 2) for value in record["hull_mean"]]
            for seed, record in by_seed.items()
        }
        for name, by_seed in results.items()
    }
