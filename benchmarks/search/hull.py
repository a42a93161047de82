"""The area between the hull of Cu-Au (EMT) and the line of the elements, against trials.

    pip install -e '.[engine,benchmarks]'
    OMP_NUM_THREADS=1 python benchmarks/search/hull.py --seeds 0-19
    OMP_NUM_THREADS=1 python benchmarks/search/hull.py --seeds 0-19 --method pyxtal

adds what is missing to results_hull.json beside this script and prints for each seed the depth of the hull (meV/atom,
mean over the compositions, relative to the lowest elements found by any search) after every 20 relaxations: by the
search, without and with candidates, by random structures of this package and of PyXtal. The random ones begin with two
of each element, and then have all compositions with equal chance.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from ase import Atoms
from codes import pyxtal_structure
from depth import SEARCH, depths, lowest_elements, means
from run import calls_of, cpu_time, numbers
from systems import EMT, RELAX

from aiida_anhcsp.engine.potentials import Potential, load_potential
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search.composition import Composition, draw
from aiida_anhcsp.engine.search.initial import random_source, references
from aiida_anhcsp.engine.search.loop import search
from aiida_anhcsp.engine.search.settings import SearchSettings

RESULTS = Path(__file__).with_name("results_hull.json")

Method = Callable[[SearchSettings, Potential], list[Atoms]]


def searched(settings: SearchSettings, potential: Potential) -> list[Atoms]:
    """The structures of a search, in the order in which they were relaxed."""
    with tempfile.TemporaryDirectory() as folder:
        return search(settings, potential, Path(folder))


def drawn(
    settings: SearchSettings, potential: Potential, structure: Callable[[Composition, np.random.Generator], Atoms]
) -> list[Atoms]:
    """Random structures, relaxed."""
    rng = np.random.default_rng(settings.seed)
    alone = references(settings, settings.population)
    choices = [*alone, *[settings.compositions()] * (settings.population * settings.generations - len(alone))]
    frames = [structure(draw(each, rng), rng) for each in choices]
    return relax(frames, potential, settings.pressure, RelaxSettings(**RELAX))


def ours_at_random(settings: SearchSettings, potential: Potential) -> list[Atoms]:
    """Random structures as this package makes them."""
    source = random_source(settings)
    return drawn(settings, potential, lambda composition, rng: source.draw(rng, (composition,)))


def pyxtal(settings: SearchSettings, potential: Potential) -> list[Atoms]:
    """Random structures of PyXtal."""
    return drawn(settings, potential, partial(pyxtal_structure, settings))


METHODS: dict[str, tuple[dict[str, Any], Method]] = {
    "search": ({}, searched),
    "search, 8 candidates": ({"candidates": 8}, searched),
    "random": ({}, ours_at_random),
    "pyxtal": ({}, pyxtal),
}


@click.command()
@click.option("--seeds", default="0-19", show_default=True)
@click.option("--method", "chosen", multiple=True, type=click.Choice(list(METHODS)), help="All by default.")
def main(seeds: str, chosen: tuple[str, ...]) -> None:
    """Run what is missing and print the depths."""
    potential = load_potential(EMT)
    for seed in numbers(seeds):
        for name in chosen or METHODS:
            if str(seed) in known().get(name, {}):
                continue
            keys, method = METHODS[name]
            settings = SearchSettings.parse({**SEARCH, "seed": seed, **keys})
            begin = cpu_time()
            frames = method(settings, potential)
            record = {
                "hull_mean": means(frames, settings),
                "elements": lowest_elements(frames),
                "force_calls": sum(calls_of(frame) or 0 for frame in frames),
                "cpu_time": round(cpu_time() - begin, 1),
            }
            results = known()
            results.setdefault(name, {})[str(seed)] = record
            RESULTS.write_text(json.dumps(results) + "\n")
    for name, by_seed in depths(known()).items():
        for seed, values in by_seed.items():
            click.echo(f"{name:20s} seed {seed:>2s}: " + line_of(values))
        mean = np.nanmean(np.array(list(by_seed.values()), dtype=float), axis=0)
        click.echo(f"{name:20s} mean of {len(by_seed)}: " + line_of(mean))


def known() -> dict[str, Any]:
    """What the file of results has by now, of this run and of others at the same time."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def line_of(values: Sequence[float | None]) -> str:
    """Depths to be read."""
    return " ".join("-" if value is None else f"{value:.2f}" for value in values)


if __name__ == "__main__":
    main()
