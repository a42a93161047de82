"""The area between the hull of Cu-Au (EMT) and the line of the elements, against trials.

    OMP_NUM_THREADS=1 python benchmarks/search/hull.py --seeds 10

writes results_hull.json beside this script: for each seed the depth of the hull (meV/atom, mean over the
compositions, relative to the lowest elements found by any search) after every generation, by the search with all its
operators, without and with candidates, and by random structures alone.
"""

from __future__ import annotations

import csv
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from ase import Atoms

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.search.loop import search
from aiida_anhcsp.engine.search.settings import SearchSettings

SEARCH: dict[str, Any] = {
    "composition": {"elements": {"Cu": "0-8", "Au": "0-8"}, "atoms": "2-8"},
    "population": 20,
    "generations": 8,
    "relax": {"fmax": 0.01, "max_steps": 300},
}
METHODS: dict[str, dict[str, Any]] = {
    "search": {},
    "search, 8 candidates": {"candidates": 8},
    "random": {"operators": {"random": 1}},
}


def line(elements: dict[str, float], settings: SearchSettings) -> float:
    """Mean over the compositions of what the elements alone amount to, eV/atom."""
    values = [
        sum(elements[symbol] for symbol in composition.symbols) / composition.n_atoms
        for composition in settings.compositions()
    ]
    return sum(values) / len(values)


def lowest_elements(population: list[Atoms]) -> dict[str, float]:
    """Lowest enthalpy of each element, eV/atom."""
    lowest: dict[str, float] = {}
    for frame in population:
        if len(set(frame.symbols)) == 1 and "enthalpy" in frame.info:
            symbol = frame.symbols[0]
            lowest[symbol] = min(lowest.get(symbol, float("inf")), float(frame.info["enthalpy"]))
    return lowest


@click.command()
@click.option("--seeds", default=10, show_default=True)
def main(seeds: int) -> None:
    """Run the searches and write the depths."""
    potential = load_potential("ase:potentials:Metals")
    means: dict[str, dict[int, list[float | None]]] = {name: {} for name in METHODS}
    elements: dict[str, float] = {}
    cpu: dict[str, float] = dict.fromkeys(METHODS, 0.0)
    for seed in range(seeds):
        for name, keys in METHODS.items():
            begin = time.process_time()
            settings = SearchSettings.parse({**SEARCH, "seed": seed, **keys})
            with tempfile.TemporaryDirectory() as folder:
                population = search(settings, potential, Path(folder))
                rows = list(csv.DictReader((Path(folder) / "history.csv").open()))
            means[name][seed] = [float(row["hull_mean"]) if row["hull_mean"] else None for row in rows]
            cpu[name] += time.process_time() - begin
            for symbol, value in lowest_elements(population).items():
                elements[symbol] = min(value, elements.get(symbol, value))
    reference = line(elements, SearchSettings.parse({**SEARCH, "seed": 0}))
    depths = {
        name: {
            seed: [None if value is None else round(1000 * (value - reference), 3) for value in values]
            for seed, values in by_seed.items()
        }
        for name, by_seed in means.items()
    }
    result = {"search": SEARCH, "depth_meV_per_atom": depths, "cpu_time": {k: round(v, 1) for k, v in cpu.items()}}
    Path(__file__).with_name("results_hull.json").write_text(json.dumps(result, indent=1) + "\n")
    for name, by_seed in depths.items():
        for seed, values in by_seed.items():
            click.echo(f"{name:20s} seed {seed}: " + " ".join("-" if v is None else f"{v:.2f}" for v in values))


if __name__ == "__main__":
    main()
