"""Tables of the results of run.py.

    python benchmarks/search/table.py

A hit is an enthalpy within 1 meV/atom of the lowest that any code has found in any search of the system.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from survival import median_time, wilson
from systems import RELAXATIONS
from tabulate import tabulate

TOLERANCE = 0.001
WINDOW = 0.05
"""eV/atom"""


def first_hit(enthalpies: list[float | None], lowest: float) -> int | None:
    """Number of the relaxation that hits first."""
    for number, enthalpy in enumerate(enthalpies, start=1):
        if enthalpy is not None and enthalpy <= lowest + TOLERANCE:
            return number
    return None


def row(code: str, searches: list[dict[str, Any]], lowest: float) -> list[str]:
    """What a code achieved on a system."""
    hits = [first_hit(search["enthalpies"], lowest) for search in searches]
    cells = [code, str(len(searches))]
    for budget in (50, RELAXATIONS):
        successes = sum(hit is not None and hit <= budget for hit in hits)
        low, high = wilson(successes, len(hits))
        cells.append(f"{successes}/{len(hits)} [{low:.2f}, {high:.2f}]")
    median = median_time(hits, [len(search["enthalpies"]) for search in searches])
    distinct = [sum(value <= lowest + WINDOW for value in search["distinct"]) for search in searches]
    calls = [sum(call for call in search["force_calls"] if call) for search in searches]
    cells += [
        str(median or f"> {RELAXATIONS}"),
        f"{np.mean(distinct):.1f}",
        f"{np.mean(calls):.0f}",
        f"{np.mean([search['cpu_time'] for search in searches]):.0f}",
    ]
    return cells


def table(results: dict[str, Any]) -> str:
    """The table of a system, in Markdown."""
    searches = {code: list(by_seed.values()) for code, by_seed in results["searches"].items()}
    every = [value for each in searches.values() for s in each for value in s["enthalpies"] if value is not None]
    header = ["code", "seeds", "hit by 50", f"hit by {RELAXATIONS}", "median to first hit", "distinct < 50 meV/atom"]
    header += ["force calls", "CPU s"]
    rows = [row(code, each, min(every)) for code, each in searches.items()]
    return f"{results['system']}: lowest {min(every):.4f} eV/atom\n\n" + tabulate(rows, header, tablefmt="github")


if __name__ == "__main__":
    for path in sorted((Path(__file__).parent / "results").glob("*.json")):
        print(table(json.loads(path.read_text())), end="\n\n")
