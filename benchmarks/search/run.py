"""Searches of several codes with the same calculator, relaxer, convergence, distances and seeds.

    pip install -e '.[engine,benchmarks]'
    OMP_NUM_THREADS=1 python benchmarks/search/run.py cu8au8 --seeds 0-9 [--minutes 10]
    OMP_NUM_THREADS=1 python benchmarks/search/run.py cu8au8 --seeds 0-9 --code "ours, no niching"
    OMP_NUM_THREADS=1 python benchmarks/search/run.py cu8au8 --seeds 0-9 --ablation

adds what is missing to results/SYSTEM.json, one search after the other, and can be stopped at any time; table.py
makes the tables. With --ablation the searches are this package's, whole and with one operator or rule at a time left
out. Structures that the package sets aside as unphysical count for no code. A search is 200 relaxations: of each the
enthalpy (eV/atom, null where it failed), the force calls and the operator are kept, and the
enthalpies of the distinct structures within 60 meV/atom of its lowest.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from ase import Atoms
from codes import CODES, COMPARED, HERE, ablations_of
from systems import RELAXATIONS, SYSTEMS

from aiida_anhcsp.engine.search.duplicates import find_duplicates
from aiida_anhcsp.engine.search.rank import is_relaxed
from aiida_anhcsp.engine.search.settings import DuplicateRule, SearchSettings
from aiida_anhcsp.engine.search.unphysical import set_aside_unphysical

WINDOW = 0.06
"""eV/atom"""


def cpu_time() -> float:
    """Seconds of this process and of its children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def judged(frames: list[Atoms], settings: SearchSettings) -> list[Atoms]:
    """The relaxations of a search that count, with names, what is unphysical set aside."""
    frames = frames[:RELAXATIONS]
    for index, frame in enumerate(frames):
        frame.info["id"] = f"{index:04d}"
    return set_aside_unphysical(frames, settings)


def distinct_near_lowest(frames: list[Atoms], window: float) -> list[Atoms]:
    """The distinct ones of the relaxed structures within a window (eV/atom) above the lowest."""
    relaxed = [frame for frame in frames if is_relaxed(frame)]
    lowest = min(frame.info["enthalpy"] for frame in relaxed)
    near = [frame for frame in relaxed if frame.info["enthalpy"] < lowest + window]
    duplicates = find_duplicates(near, DuplicateRule())
    return [frame for frame in near if frame.info["id"] not in duplicates]


def record(frames: list[Atoms], settings: SearchSettings, cpu: float, wall: float) -> dict[str, Any]:
    """What is kept of a search."""
    frames = judged(frames, settings)
    return {
        "cpu_time": round(cpu, 1),
        "wall_time": round(wall, 1),
        "enthalpies": [round(f.info["enthalpy"], 5) if is_relaxed(f) else None for f in frames],
        "force_calls": [calls_of(frame) for frame in frames],
        "operators": [f.info.get("operator", "") for f in frames],
        "distinct": sorted(round(f.info["enthalpy"], 5) for f in distinct_near_lowest(frames, WINDOW)),
    }


def calls_of(frame: Atoms) -> int | None:
    """Evaluations of a relaxation, and of the candidates for its place."""
    if "steps" not in frame.info:
        return None
    return int(frame.info["steps"]) + 1 + int(frame.info.get("screening_calls", 0))


def numbers(text: str) -> list[int]:
    """``0-9`` or ``3``."""
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def known(path: Path, system: str) -> dict[str, Any]:
    """What the file of results has by now, of this run and of others at the same time."""
    return json.loads(path.read_text()) if path.exists() else {"system": system, "searches": {}}


@click.command()
@click.argument("system", type=click.Choice(list(SYSTEMS)))
@click.option("--seeds", default="0-9", show_default=True)
@click.option("--code", "codes", multiple=True, type=click.Choice(list(CODES)), default=list(COMPARED))
@click.option("--ablation", is_flag=True, help="Run ours, whole and with one thing at a time left out, instead.")
@click.option("--minutes", type=float, help="Start no search after this much CPU time.")
def main(system: str, seeds: str, codes: tuple[str, ...], ablation: bool, minutes: float | None) -> None:
    """Run the searches of SYSTEM that results/SYSTEM.json does not hold yet."""
    if ablation:
        codes = ("ours", *ablations_of(system))
    path = HERE / "results" / f"{system}.json"
    path.parent.mkdir(exist_ok=True)
    for seed in numbers(seeds):
        for code in codes:
            if str(seed) in known(path, system)["searches"].get(code, {}):
                continue
            if minutes is not None and cpu_time() > 60 * minutes:
                return
            with tempfile.TemporaryDirectory() as folder:
                cpu, wall = cpu_time(), time.perf_counter()
                frames = CODES[code](system, seed, Path(folder) / "search")
                kept = record(frames, SYSTEMS[system].settings(seed), cpu_time() - cpu, time.perf_counter() - wall)
            results = known(path, system)
            results["searches"].setdefault(code, {})[str(seed)] = kept
            results["versions"] = {p: version(p) for p in ("ase", "csp-cryspy", "matscipy", "numpy", "pyxtal")}
            results["cores"] = os.cpu_count()
            path.write_text(json.dumps(results) + "\n")
            lowest = min(value for value in kept["enthalpies"] if value is not None)
            click.echo(f"{system} {code} seed {seed}: lowest {lowest:.4f} eV/atom, {cpu_time() - cpu:.0f} s CPU")


if __name__ == "__main__":
    main()
