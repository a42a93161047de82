"""How many of the distinct structures near the lowest are minima.

    OMP_NUM_THREADS=1 python benchmarks/search/minima.py cu8au8 --seeds 0-2

repeats searches of run.py, displaces the distinct structures within 50 meV/atom of the lowest as new structures of this
package are (0.05 angstrom) and relaxes them again: what falls by more than 1 meV/atom was held on a saddle by its
symmetry. ``results_minima.json`` beside this script has of each search how many were ``distinct``, how many of them
``fell``, and how many are distinct after that (``minima``).
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click
import numpy as np
from ase import Atoms
from codes import CODES, COMPARED, HERE
from run import distinct_near_lowest, judged, numbers
from systems import RELAX, SYSTEMS
from table import TOLERANCE, WINDOW

from aiida_anhcsp.engine.potentials import load_potential
from aiida_anhcsp.engine.relaxation import RelaxSettings, relax
from aiida_anhcsp.engine.search.displace import displaced
from aiida_anhcsp.engine.search.rank import is_relaxed
from aiida_anhcsp.engine.search.settings import SearchSettings


def minima(frames: list[Atoms], system: str, settings: SearchSettings) -> dict[str, int]:
    """What becomes of the distinct structures once nothing holds them on a saddle."""
    before = distinct_near_lowest(judged(frames, settings), WINDOW)
    rng, distances = np.random.default_rng(settings.seed), settings.distance_table()
    moved = [displaced(frame, settings.displacement, distances, rng) for frame in before]
    after = relax(moved, load_potential(SYSTEMS[system].potential), settings.pressure, RelaxSettings(**RELAX))
    pairs = zip(before, after, strict=True)
    falls = [old.info["enthalpy"] - new.info["enthalpy"] for old, new in pairs if is_relaxed(new)]
    return {
        "distinct": len(before),
        "fell": sum(float(f) > TOLERANCE for f in falls),
        "minima": len(distinct_near_lowest(after, WINDOW)),
    }


@click.command()
@click.argument("system", type=click.Choice(list(SYSTEMS)))
@click.option("--seeds", default="0-2", show_default=True)
@click.option("--code", "codes", multiple=True, type=click.Choice(list(CODES)), default=list(COMPARED))
def main(system: str, seeds: str, codes: tuple[str, ...]) -> None:
    """Count the minima of searches of SYSTEM that results_minima.json does not hold yet."""
    path = HERE / "results_minima.json"
    for seed in numbers(seeds):
        for code in codes:
            results = json.loads(path.read_text()) if path.exists() else {}
            if str(seed) in results.get(system, {}).get(code, {}):
                continue
            with tempfile.TemporaryDirectory() as folder:
                frames = CODES[code](system, seed, Path(folder) / "search")
                found = minima(frames, system, SYSTEMS[system].settings(seed))
            results.setdefault(system, {}).setdefault(code, {})[str(seed)] = found
            path.write_text(json.dumps(results, indent=1) + "\n")
            click.echo(f"{system} {code} seed {seed}: {found}")


if __name__ == "__main__":
    main()
