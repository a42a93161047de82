"""The result of an SSCHA run whose stages were jobs of their own."""

from __future__ import annotations

from typing import Any

from aiida.engine import calcfunction
from aiida.orm import Dict, StructureData

from ...data.dynamical_matrices import DynamicalMatricesData
from ...engine.sscha.reports import between_stages, jump


@calcfunction
def sscha_summary(**nodes: Any) -> Dict:
    """Result of an SSCHA run whose stages and audit were jobs of their own.

    :param nodes: ``structure`` and ``final`` (structures), ``stage_01``, ``stage_02``, ... in the order they ran and,
        if there was one, ``audit``: the results of the jobs; ``unaudited``, why one that was wanted is missing, and
        ``given_up``, why the run ended early, if they do
    :return: the result of the last job, with the ``stages`` of all, ``n_evaluations`` summed, and ``initial`` and
        ``final``: cell (angstrom), volume (angstrom^3), spacegroup, quantum stress (GPa, ASE's sign)
    """
    stages = [nodes[name].get_dict() for name in sorted(nodes) if name.startswith("stage_")]
    parts = [*stages, *([nodes["audit"].get_dict()] if "audit" in nodes else [])]
    last = parts[-1]
    result = {
        **stages[-1],
        **last,
        "converged": all(part["converged"] for part in (stages[-1], last)),
        "spacegroup_initial": stages[0]["spacegroup_initial"],
        "n_evaluations": sum(part["n_evaluations"] for part in parts),
        "stages": [entry for part in stages for entry in part["stages"]],
        "initial": {**_cell(nodes["structure"]), "spacegroup": stages[0]["spacegroup_initial"]},
        "final": {**_cell(nodes["final"]), "spacegroup": last.get("spacegroup_final", "P1")},
    }
    difference = between_stages(result["stages"])
    if difference is not None:
        result["finite_size"] = {**result.get("finite_size", {}), "between_stages": difference}
    if "audit" in nodes and result["converged"] and (contradiction := jump(stages[-1], last)):
        result |= {"converged": False, "reason": contradiction}
    for ending in ("unaudited", "given_up"):
        if ending in nodes:
            result |= {"converged": False, "reason": nodes[ending].value}
    if result["stages"] and "stress" in last:
        result["initial"]["stress"] = result["stages"][0]["stress_initial"]
        result["final"]["stress"] = last["stress"]
    return Dict(result)


def _cell(structure: StructureData | DynamicalMatricesData) -> dict[str, Any]:
    atoms = structure.get_structure() if isinstance(structure, DynamicalMatricesData) else structure.get_ase()
    return {"cell": atoms.cell.tolist(), "volume": float(atoms.get_volume())}
