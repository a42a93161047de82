"""Which nodes the numbers of a ranking come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiida.common.links import LinkType
from aiida.orm import Dict, Node, ProcessNode, StructureData
from ase import Atoms

from ..data.population import PopulationData
from ..workflows.names import linkable
from .changes import Run, run_of

POPULATION = "population"
TABLES = ("ranking", "phase_diagram")


def table_of(node: ProcessNode) -> Dict | None:
    """The free energies of a run: its ranking or its phase diagram, None before there is one."""
    return next((node.outputs[name] for name in TABLES if name in node.outputs), None)


def sources_of(node: ProcessNode, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Node]]:
    """Nodes behind each row, by what they give: ``population`` (enthalpy, space group before), ``result`` (free
    energy), ``structure`` (cell and centroids after), ``potential``.

    :param rows: of :func:`aiida_anhcsp.report.ranking.ranking_rows`
    """
    known = node.outputs if "potential" in node.outputs else node.inputs
    common = {"potential": known.potential} if "potential" in known else {}
    table = table_of(node)
    if table is None:
        return [{POPULATION: node.outputs.population, **_run_of_search(node, row), **common} for row in rows]
    inputs = table.creator.inputs
    names = {run_of(run): name for name, run in inputs.runs.get_dict().items()}
    by_run: list[dict[str, Node]] = []
    for row in rows:
        suffix = f"_{names[run_of(row)]}"
        found = {link.removesuffix(suffix): inputs[link] for link in inputs if link.endswith(suffix)}
        by_run.append({POPULATION: _population_of(inputs, row), **found, **common})
    return by_run


def given_and_found(run: ProcessNode) -> dict[str, Node]:
    """The inputs and outputs of a run by their ports."""
    given = run.base.links.get_incoming(link_type=(LinkType.INPUT_WORK, LinkType.INPUT_CALC)).all()
    found = run.base.links.get_outgoing(link_type=(LinkType.RETURN, LinkType.CREATE)).all()
    return {link.link_label.replace("__", "."): link.node for link in (*given, *found)}


def final_structures(node: ProcessNode) -> dict[Run, Atoms]:
    """Final cells and centroids of the SSCHA runs of a ranking or a phase diagram."""
    table = table_of(node)
    if table is None:
        return {}
    rows = table["rows"]
    return {
        run_of(row): sources["structure"].get_ase()
        for row, sources in zip(rows, sources_of(node, rows), strict=True)
        if isinstance(sources.get("structure"), StructureData)
    }


def _run_of_search(search: ProcessNode, row: Mapping[str, Any]) -> dict[str, Node]:
    """Result and structure of the SSCHA run that gave a structure of a search its free energy, if there was one."""
    label = f"_sscha_{linkable(str(row.get('free_energy_of', row['id'])))}"
    found = [child.outputs for child in search.called if (child.label or "").endswith(label)]
    return {name: outputs[name] for outputs in found for name in ("result", "structure") if name in outputs}


def _population_of(inputs: Any, row: Mapping[str, Any]) -> PopulationData:
    for link in inputs:
        if link.startswith(f"{POPULATION}_"):
            population: PopulationData = inputs[link]
            if float(population.base.attributes.get("pressure", row["pressure"])) == float(row["pressure"]):
                return population
    raise LookupError(f"ranking of {row['id']} names no population at {row['pressure']} GPa")
