"""The history of a search as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from aiida.engine import calcfunction
from aiida.orm import Dict
from ase import Atoms

from ...data.population import PopulationData
from ...engine.search.loop import height
from ...engine.search.rank import RELAXED
from ...engine.search.rates import rates
from ...engine.search.settings import SearchSettings
from ...engine.search.vary import parents_of


def count_failed(relaxed: PopulationData) -> int:
    """Number of structures of a relaxed population that came to no enthalpy."""
    statuses: dict[str, int] = relaxed.base.attributes.get("statuses", {})
    return sum(number for status, number in statuses.items() if status not in RELAXED)


def change_on_new_labels(metrics: dict[str, Any], generation: int) -> dict[str, dict[str, float]]:
    """RMSE (meV/atom, meV/angstrom, GPa) on the labels of one round, ``before`` and ``after`` finetuning."""
    return dict(metrics.get("by_round", {}).get(str(generation), {}))


@calcfunction
def search_history(**nodes: Any) -> Dict:
    """A row for each generation.

    :param nodes: by generation, such as ``relax_003``, or ``label_initial`` before the first: the relaxed population
        (``relax``), the same with what SSCHA
        came to (``sscha``), the ranked one (``rank``), the report of the labelling (``label``), the metrics of the
        finetuning (``finetune``) and what was ranked after it (``rank_again``), where there are any; ``settings``, the
        keys of SEARCH.yaml
    :return: ``generations``, a list of rows with ``generation``, ``relaxed``, ``failed``, ``lowest_enthalpy`` (eV/atom)
        and the same with the finetuned potential, ``lowest_enthalpy_after``, ``labelled``, ``labels_failed``,
        ``rmse_before`` and ``rmse_after``, what SSCHA came to, with numbers (``sscha``), and the
        ``lowest_gibbs_free_energy`` (eV/atom), the ``rates`` that the operators have earned, and the ``hull_mean``
        (eV/atom) of a search over compositions, with the finetuned potential ``hull_mean_after``; absent where not
        known. ``initial``, the same of the random labels before the first generation, where there were any
    """
    rows: dict[int, dict[str, Any]] = {}
    settings = nodes.pop("settings", None)
    search = None if settings is None else SearchSettings.parse(settings.get_dict())
    initial: dict[str, Any] = {}
    for name in sorted(nodes):
        step, number = name.rsplit("_", 1)
        if number == "initial":
            initial.update(_columns(step, nodes[name], -1))
            continue
        row = rows.setdefault(int(number), {"generation": int(number)})
        row.update(_columns(step, nodes[name], int(number)))
    if search is not None:
        _add_search(rows, nodes, search)
    document: dict[str, Any] = {"generations": [rows[number] for number in sorted(rows)]}
    return Dict({**document, "initial": initial} if initial else document)


def _add_search(rows: dict[int, dict[str, Any]], nodes: Mapping[str, Any], search: SearchSettings) -> None:
    """Add what the operators have earned by all they have made, and the hull.

    Of what a search that learns has made only the survivors are in its later rankings.
    """
    made: list[Atoms] = []
    for number, row in sorted(rows.items()):
        made += nodes[f"relax_{number:03d}"].get_frames() if f"relax_{number:03d}" in nodes else []
        for step, column in (("rank", "hull_mean"), ("rank_again", "hull_mean_after")):
            if f"{step}_{number:03d}" in nodes:
                population = nodes[f"{step}_{number:03d}"].get_frames()
                row["rates"] = rates(made or population, parents_of(population, search), search)
                if (hull := height(population, search)) is not None:
                    row[column] = hull


def _columns(step: str, node: Any, generation: int) -> dict[str, Any]:
    match step:
        case "relax":
            failed = count_failed(node)
            return {"relaxed": node.count - failed, "failed": failed}
        case "sscha":
            counts = Counter(str(frame.info["sscha"]) for frame in node.get_frames() if "sscha" in frame.info)
            return {"sscha": dict(counts)}
        case "rank" | "rank_again":
            lowest = node.base.attributes.get("lowest_enthalpy", None)
            name = "lowest_enthalpy" if step == "rank" else "lowest_enthalpy_after"
            gibbs = node.base.attributes.get("lowest_gibbs_free_energy", None)
            columns = {name: lowest, "lowest_gibbs_free_energy": gibbs}
            return {key: value for key, value in columns.items() if value is not None}
        case "label":
            report = node.get_dict()
            return {"labelled": report["labelled"], "labels_failed": len(report["failed"])}
        case "finetune":
            change = change_on_new_labels(node.get_dict(), generation)
            return {f"rmse_{when}": change[when] for when in ("before", "after") if when in change}
        case _:
            raise ValueError(f"{step}: no step of a search; give relax, rank, label, finetune or rank_again")
