"""The area between the hull of Cu-Au (EMT) and the line of the elements, against trials.

    pip install -e '.[engine,benchmarks]'
    OMP_NUM_THREADS=1 python benchmarks/search/hull.py --seeds 0-19
    OMP_NUM_THREADS=1 python benchmarks/search/hull.py --seeds 0-9 --method cryspy --generations 24

adds what is missing to results_hull.json beside this script, which has the hulls after every 20 relaxations, and prints
how deep they are: meV/atom below the line of the lowest elements that any search found, mean over the compositions and
then over the seeds, with its standard error and their number; and by how much the search is ahead of the others, seed
by seed. Methods are the search, without and with candidates, random structures of this package and of PyXtal, and
CrySPY's evolutionary algorithm. Cells are of up to eight atoms of each element, because CrySPY cannot limit their sum.
The random structures begin with two of each element, and then have all compositions with equal chance; CrySPY is told
the energies of the elements, as it wants to be.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io import read
from codes import pyxtal_structure
from depth import GENERATIONS, lowest_elements, means, search_of, tables
from run import calls_of, cpu_time, numbers
from systems import EMT, RELAX

from aiida_anhcsp.engine.potentials import Potential, load_potential
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search.composition import Composition, draw
from aiida_anhcsp.engine.search.initial import random_source, references
from aiida_anhcsp.engine.search.loop import search
from aiida_anhcsp.engine.search.settings import SearchSettings

HERE = Path(__file__).parent.resolve()

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


def elements_alone(settings: SearchSettings, potential: Potential) -> list[Atoms]:
    """The fcc elements, relaxed."""
    return relax([bulk("Cu"), bulk("Au")], potential, settings.pressure, RelaxSettings(**RELAX))


def cryspy(settings: SearchSettings, potential: Potential) -> list[Atoms]:
    """CrySPY's evolutionary algorithm over compositions, from cryspy/cuau.in."""
    energies = [frame.info["enthalpy"] for frame in elements_alone(settings, potential)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for script in ("ase_in.py", "over_compositions.py"):
            shutil.copy(HERE / "cryspy" / script, folder)
        text = (HERE / "cryspy" / "cuau.in").read_text()
        text = text.replace(f"maxgen_ea = {GENERATIONS}", f"maxgen_ea = {settings.generations}")
        text = text.replace("ref_energies =", "ref_energies = " + " ".join(f"{energy:.6f}" for energy in energies))
        (folder / "cryspy.in").write_text(f"{text}seed = {settings.seed + 1}\n")
        environment = {**os.environ, "SEARCH_BENCHMARK": str(HERE), "SEARCH_SYSTEM": "cu8au8"}
        number = settings.population * settings.generations
        command = [sys.executable, "-W", "ignore", "over_compositions.py", str(number)]
        with (folder / "output").open("w") as output:
            subprocess.run(command, cwd=folder, env=environment, check=True, stdout=output, stderr=output)
        return list(read(folder / "relaxed.extxyz", index=":"))


METHODS: dict[str, tuple[dict[str, Any], Method]] = {
    "search": ({}, searched),
    "search, 8 candidates": ({"candidates": 8}, searched),
    "random": ({}, ours_at_random),
    "pyxtal": ({}, pyxtal),
    "cryspy": ({}, cryspy),
}


@click.command()
@click.option("--generations", type=int, default=GENERATIONS, show_default=True, help="Of twenty structures.")
@click.option("--seeds", default="0-19", show_default=True)
@click.option("--method", "chosen", multiple=True, type=click.Choice(list(METHODS)), help="All by default.")
def main(generations: int, seeds: str, chosen: tuple[str, ...]) -> None:
    """Run what is missing and print the tables of depths."""
    potential, path = load_potential(EMT), HERE / "results_hull.json"
    for seed in numbers(seeds):
        for name in chosen or METHODS:
            if len(known(path).get(name, {}).get(str(seed), {}).get("hull_mean", [])) >= generations:
                continue
            keys, method = METHODS[name]
            settings = search_of(seed=seed, generations=generations, **keys)
            begin = cpu_time()
            frames = method(settings, potential)
            given = elements_alone(settings, potential) if name == "cryspy" else []
            record = {
                "hull_mean": means(frames, settings, given),
                "elements": lowest_elements([*given, *frames]),
                "force_calls": sum(calls_of(frame) or 0 for frame in frames),
                "cpu_time": round(cpu_time() - begin, 1),
            }
            results = known(path)
            results.setdefault(name, {})[str(seed)] = record
            path.write_text(json.dumps(results) + "\n")
    click.echo(tables(known(path)))


def known(path: Path) -> dict[str, Any]:
    """What the file of results has by now, of this run and of others at the same time."""
    return json.loads(path.read_text()) if path.exists() else {}


if __name__ == "__main__":
    main()
