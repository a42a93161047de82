"""A search of two generations, drawn as a graph without being run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aiida.common.links import LinkType
from aiida.orm import CalcJobNode, Dict, WorkChainNode
from ase.build import bulk
from plumpy import ProcessState

from aiida_anhcsp.data.population import PopulationData


def generation(number: int, enthalpies: list[float]) -> PopulationData:
    """A relaxed and ranked population; a structure with an enthalpy that is not finite has failed."""
    frames = []
    for index, enthalpy in enumerate(enthalpies):
        frame = bulk("Cu", a=3.6 + 0.1 * index)
        frame.info = {"id": f"g{number:03d}-{index:04d}", "generation": number, "pressure": 10.0, "status": "exploded"}
        if np.isfinite(enthalpy):
            frame.info |= {"status": "converged", "enthalpy": enthalpy, "rank": index + 1, "spacegroup": "Fm-3m"}
        frames.append(frame)
    return PopulationData.from_frames(frames)


@pytest.fixture
def search(aiida_profile_clean: Any, aiida_localhost: Any) -> WorkChainNode:
    """Generation 0 is relaxed and ranked, the jobs of generation 1 are at work."""
    node = WorkChainNode(process_type="aiida.workflows:anhcsp.search")
    settings = Dict({"formula": "Cu", "pressure": 10, "population": 3, "generations": 2, "seed": 1}).store()
    node.base.links.add_incoming(settings, LinkType.INPUT_WORK, "settings")
    node.store()
    node.set_process_state(ProcessState.WAITING)
    steps = (
        ("generation_000_generate", None),
        ("generation_000_relax", generation(0, [0.1, 0.2, float("inf")])),
        ("generation_001_vary", None),
        ("generation_001_relax", None),
    )
    for label, population in steps:
        job = CalcJobNode(computer=aiida_localhost)
        job.set_option("resources", {"num_machines": 1, "num_mpiprocs_per_machine": 1})
        job.base.links.add_incoming(node, LinkType.CALL_CALC, label)
        job.label = label
        job.store()
        if population is not None:
            population.base.links.add_incoming(job, LinkType.CREATE, "population")
            population.store()
        ended = label != "generation_001_relax"
        job.set_process_state(ProcessState.FINISHED if ended else ProcessState.WAITING)
        if ended:
            job.set_exit_status(0)
    return node
