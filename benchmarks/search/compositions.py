"""What a search over compositions that teaches its own potential came to: rounds, hulls, rates, what DFT says.

    aiida-anhcsp launch search examples/mg_ca_h/input.yaml
    python benchmarks/search/compositions.py --profile PROFILE PK examples/mg_ca_h/result.json
    aiida-anhcsp launch csp examples/ca_h/input.yaml
    python benchmarks/search/compositions.py --profile PROFILE PK examples/ca_h/result.json

Hulls, each with the distances (meV/atom) of what lies within WINDOW of it: that of the last potential, that of the
labels as they were labelled, that of the structures which DFT relaxed at the end, and that of Gibbs free energies.
submission_to_end_s is of this run alone: what it takes from AiiDA's cache was computed, and its time spent, by another.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from aiida import load_profile
from aiida.orm import WorkChainNode, load_node

WINDOW = 0.1
"""eV/atom"""
RMSE = ("energy", "force", "stress")


def near_hull(node: WorkChainNode, output: str) -> list[dict[str, Any]]:
    """The distinct structures of a ranked population near its hull, lowest first of each formula."""
    frames = [frame for frame in node.outputs[output].get_frames() if "rank" in frame.info]
    seen: dict[str, dict[str, Any]] = {}
    for frame in sorted(frames, key=lambda frame: frame.info["fitness"]):
        formula = frame.symbols.formula.reduce()[0].format("hill")
        if frame.info["fitness"] <= WINDOW and formula not in seen:
            seen[formula] = {
                "formula": formula,
                "atoms": len(frame),
                "spacegroup": frame.info.get("spacegroup"),
                "enthalpy": round(float(frame.info["enthalpy"]), 4),
                "above_hull_meV": round(1000 * float(frame.info["fitness"]), 1),
                "made_by": frame.info.get("operator"),
            }
    return list(seen.values())


def rounds(node: WorkChainNode) -> list[dict[str, Any]]:
    """Labels and errors of the rounds, the first labels first (meV/atom, meV/angstrom, GPa)."""
    history = node.outputs.history.get_dict()
    rows = [{"round": "initial", **history.get("initial", {})}]
    rows += [{"round": row["generation"], **row} for row in history["generations"]]
    keys = ("relaxed", "failed", "labelled", "labels_failed", "hull_mean", "hull_mean_after")
    return [
        {"round": row["round"], **{key: row[key] for key in keys if key in row}}
        | {
            when: {key: round(row[when][key], 1) for key in RMSE if key in row[when]}
            for when in ("rmse_before", "rmse_after")
            if when in row
        }
        for row in rows
    ]


def quantum_hull(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a ranking: Gibbs free energies (eV/atom), distance from their hull and its error (meV/atom), the reason
    of what has not converged.
    """
    kept = []
    for row in rows:
        entry = {key: row[key] for key in ("formula", "temperature", "spacegroup_final", "reason") if key in row}
        for key in ("gibbs_free_energy", "gibbs_free_energy_corrected"):
            entry |= {name: round(row[name], 4) for name in (key, f"{key}_error") if name in row}
        if "hull_distance" in row:
            entry["above_hull_meV"] = round(1000 * row["hull_distance"], 1)
            entry["error_meV"] = round(1000 * row["hull_distance_error"], 1)
            entry["stable"] = round(row["stable"], 3)
        kept.append(entry)
    return kept


@click.command()
@click.option("--profile", required=True)
@click.argument("number", metavar="PK", type=int)
@click.argument("path", type=click.Path(path_type=Path))
def main(profile: str, number: int, path: Path) -> None:
    """Write what PK came to."""
    load_profile(profile)
    node = load_node(number)
    searched = node.outputs.label_hulls if "label_hulls" in node.outputs else {"": node.outputs.label_hull}
    (label_hull,) = searched.values()
    document = {
        "labels": node.outputs.dataset.count,
        "submission_to_end_s": round((node.mtime - node.ctime).total_seconds()),
        "rounds": rounds(node),
        "rates": node.outputs.history["generations"][-1]["rates"],
        "hull_of_the_potential": near_hull(node, "population"),
        "hull_of_the_labels": [
            {**phase, "distance": round(1000 * phase["distance"], 1)}
            for phase in label_hull["phases"]
            if phase["distance"] <= WINDOW
        ],
    }
    if "dft_population" in node.outputs:
        document["hull_by_dft"] = near_hull(node, "dft_population")
    if "ranking" in node.outputs:
        document["quantum_hull"] = quantum_hull(node.outputs.ranking["rows"])
    path.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
