"""How deep the hull of a search over compositions has become, by the number of structures relaxed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from systems import HALF_CU_AU, POPULATION, RELAX
from tabulate import tabulate

from aiida_anhcsp.engine.search.hull import hull_mean
from aiida_anhcsp.engine.search.rank import is_relaxed, missing_elements
from aiida_anhcsp.engine.search.settings import SearchSettings

GENERATIONS = 8
NUMBERS = (80, 160, 320, 480)
"""Relaxations after which the tables have the depth."""


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
            seed: [None if value is None else round(1000 * (line - value), 2) for value in record["hull_mean"]]
            for seed, record in by_seed.items()
        }
        for name, by_seed in results.items()
    }


def depth_after(by_seed: dict[str, list[float | None]], number: int) -> dict[str, float]:
    """Depth after ``number`` relaxations by seed, of the searches that went so far and have the elements."""
    index = number // POPULATION - 1
    reached = {seed: values[index] for seed, values in by_seed.items() if len(values) > index}
    return {seed: value for seed, value in reached.items() if value is not None}


def mean_and_error(values: Sequence[float]) -> str:
    """Mean, its standard error, and of how many; empty without two."""
    if len(values) < 2:
        return ""
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.2f} ({len(values)})"


def tables(results: dict[str, Any]) -> str:
    """Mean depths of the methods, and by how much the first method is ahead of each other one, seed by seed."""
    found = depths(results)
    header = ["", *(f"after {number}" for number in NUMBERS)]
    first, *others = found
    rows = [
        [name, *(mean_and_error(list(depth_after(by_seed, number).values())) for number in NUMBERS)]
        for name, by_seed in found.items()
    ]
    ahead = []
    for other in others:
        pairs = [(depth_after(found[first], number), depth_after(found[other], number)) for number in NUMBERS]
        cells = [mean_and_error([one[seed] - two[seed] for seed in one.keys() & two.keys()]) for one, two in pairs]
        ahead.append([f"{first} ahead of {other}", *cells])
    return "\n\n".join(tabulate(each, header, tablefmt="github") for each in (rows, ahead))
