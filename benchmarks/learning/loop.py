"""What a run of the whole path has learned: errors by round at each pressure, the joint training, the free energies.

    aiida-anhcsp launch csp examples/h3s_study/gpaw.yaml
    python benchmarks/learning/loop.py --profile PROFILE PK benchmarks/learning/h3s_loop.json

``before`` of a round are the errors of the potential of the round before on the new labels, which it had not seen: the
learning curve of the run (Li et al., Fig. 3). The table of the joint training is that of the H3S study's Table I.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from aiida import load_profile
from aiida.orm import WorkChainNode, load_node

from aiida_anhcsp.report.processes import work_chains_of
from aiida_anhcsp.report.searches import searches_of

SEARCH = ("formula", "formula_units", "pressure", "population", "generations", "seed")
COLUMNS = ("id", "pressure", "temperature", "enthalpy", "gibbs_free_energy", "gibbs_free_energy_error")
SYMMETRIES = ("spacegroup_initial", "spacegroup_final", "converged")


def rounded(value: Any) -> Any:
    """Numbers with five digits after the point."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def described(search: WorkChainNode) -> dict[str, Any]:
    """A search that learned: its settings, and what each generation brought."""
    settings = search.inputs.settings.get_dict()
    rows = search.outputs.history["generations"]
    labels = sum(row.get("labelled", 0) for row in rows)
    return {**{key: settings[key] for key in SEARCH if key in settings}, "labels": labels, "generations": rows}


@click.command()
@click.option("--profile", required=True)
@click.argument("number", metavar="PK", type=int)
@click.argument("path", type=click.Path(path_type=Path))
def main(profile: str, number: int, path: Path) -> None:
    """Write what PK has learned."""
    load_profile(profile)
    run = load_node(number)
    joint = [each for each in work_chains_of(run, "anhcsp.finetune") if each.caller.pk == run.pk]
    trained = [training.outputs.metrics.get_dict() for training in joint]
    document = {
        "searches": [described(search) for search in searches_of(run)],
        "joint_training": [
            {key: metrics[key] for key in ("before", "after") if key in metrics}
            | {"labels": {part: len(indices) for part, indices in metrics["split"].items()}}
            for metrics in trained
        ],
        "free_energies": [
            {key: row[key] for key in COLUMNS + SYMMETRIES if key in row} for row in run.outputs.ranking["rows"]
        ],
        "wall_time_s": (run.mtime - run.ctime).total_seconds(),
    }
    path.write_text(json.dumps(rounded(document), indent=1) + "\n")


if __name__ == "__main__":
    main()
