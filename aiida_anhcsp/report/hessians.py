"""The Hessians of a run and their verdicts on dynamical stability."""

from __future__ import annotations

from aiida.common import LinkType
from aiida.orm import CalcJobNode, ProcessNode

from ..workflows.hessian import describe
from .processes import entry_point_of, processes_of, work_chains_of


def hessians_of(node: ProcessNode) -> list[CalcJobNode]:
    """Hessians that the run computed, and those computed later of what its SSCHA runs came to; oldest first."""
    nodes = {each.pk: each for each in processes_of(node)}
    for run in work_chains_of(node, "anhcsp.sscha"):
        if "dynamical_matrices" in run.outputs:
            users = run.outputs.dynamical_matrices.base.links.get_outgoing(link_type=LinkType.INPUT_CALC).all_nodes()
            nodes |= {user.pk: user for user in users}
    jobs = [each for each in nodes.values() if isinstance(each, CalcJobNode)]
    found = [job for job in jobs if entry_point_of(job) == "anhcsp.hessian" and "result" in job.outputs]
    return sorted(found, key=lambda job: int(job.pk or 0))


def stability_lines(node: ProcessNode) -> list[str]:
    """The verdict of each Hessian, in a line."""
    results = [(job.pk, job.outputs.result.get_dict()) for job in hessians_of(node)]
    return [f"Hessian {pk}: {describe(result)}" for pk, result in results if "lowest_frequency" in result]
