"""Tables of the results of run.py.

    python benchmarks/search/table.py

A hit is an enthalpy within 1 meV/atom of the lowest that any code has found in any search of the system. The last table
has the median number of relaxations to the first hit as a share of the best peer's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import gmean
from survival import median_time, wilson
from systems import RELAXATIONS
from tabulate import tabulate

OURS = ("ours", "ours, 8 candidates")
PEERS = ("pyxtal", "cryspy")
TOLERANCE = 0.001
WINDOW = 0.05
"""eV/atom"""


def first_hit(enthalpies: list[float | None], lowest: float) -> int | None:
    """Number of the relaxation that hits first."""
    for number, enthalpy in enumerate(enthalpies, start=1):
        if enthalpy is not None and enthalpy <= lowest + TOLERANCE:
            return number
    return None


def first_hits(searches: list[dict[str, Any]], lowest: float) -> list[int | None]:
    """Those of each search."""
    return [first_hit(search["enthalpies"], lowest) for search in searches]


def median_hit(hits: list[int | None], searches: list[dict[str, Any]]) -> int | None:
    """Relaxations to the first hit, by Kaplan and Meier; None beyond the searches' ends."""
    return median_time(hits, [len(search["enthalpies"]) for search in searches])


def row(code: str, searches: list[dict[str, Any]], lowest: float) -> list[str]:
    """What a code achieved on a system."""
    hits = first_hits(searches, lowest)
    cells = [code, str(len(searches))]
    for budget in (50, RELAXATIONS):
        successes = sum(hit is not None and hit <= budget for hit in hits)
        low, high = wilson(successes, len(hits))
        cells.append(f"{successes} [{low:.2f}, {high:.2f}]")
    distinct = [sum(value <= lowest + WINDOW for value in search["distinct"]) for search in searches]
    calls = [np.cumsum([call or 0 for call in search["force_calls"]]) for search in searches]
    spent = [int(each[hit - 1]) if hit else None for each, hit in zip(calls, hits, strict=True)]
    cells += [
        str(median_hit(hits, searches) or f"> {RELAXATIONS}"),
        str(median_time(spent, [int(each[-1]) for each in calls]) or "-"),
        f"{np.mean(distinct):.3g}",
        f"{np.mean([each[-1] for each in calls]):.0f}",
        f"{np.mean([search['cpu_time'] for search in searches]):.0f}",
    ]
    return cells


def searches_of(results: dict[str, Any]) -> tuple[dict[str, list[dict[str, Any]]], float]:
    """The searches of each code, and the lowest enthalpy of all."""
    searches = {code: list(by_seed.values()) for code, by_seed in results["searches"].items()}
    every = [value for each in searches.values() for s in each for value in s["enthalpies"] if value is not None]
    return searches, min(every)


def table(results: dict[str, Any]) -> str:
    """The table of a system, in Markdown."""
    searches, lowest = searches_of(results)
    header = ["code", "seeds", "hit by 50", f"hit by {RELAXATIONS}", "median to first hit", "its force calls"]
    header += ["distinct < 50 meV/atom", "force calls", "CPU s"]
    rows = [row(code, each, lowest) for code, each in searches.items()]
    return f"{results['system']}: lowest {lowest:.4f} eV/atom\n\n" + tabulate(rows, header, tablefmt="github")


def shares(results: dict[str, Any]) -> dict[str, float]:
    """Median to the first hit of our codes, in medians of the peer that hits first; empty where no peer has one."""
    searches, lowest = searches_of(results)
    compared = {code: each for code, each in searches.items() if code in (*OURS, *PEERS)}
    medians = {code: median_hit(first_hits(each, lowest), each) for code, each in compared.items()}
    best = min((median for code, median in medians.items() if code in PEERS and median), default=None)
    if best is None:
        return {}
    return {code: median / best for code in OURS if (median := medians.get(code))}


def table_of_shares(every: list[dict[str, Any]]) -> str:
    """The shares of all systems with a peer, and their geometric means."""
    by_system = {results["system"]: found for results in every if (found := shares(results))}
    rows = [[system, *(found.get(code) for code in OURS)] for system, found in by_system.items()]
    columns = [[found[code] for found in by_system.values() if code in found] for code in OURS]
    rows.append(["geometric mean", *(gmean(column) for column in columns)])
    return tabulate(rows, ["of the best peer's median", *OURS], floatfmt=".2f", tablefmt="github")


if __name__ == "__main__":
    every = [json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "results").glob("*.json"))]
    for results in every:
        print(table(results), end="\n\n")
    print(table_of_shares(every))
