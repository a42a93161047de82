"""Runs drawn as graphs, without being run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiida.common.links import LinkType
from aiida.orm import CalcJobNode, Data, Dict, ProcessNode, StructureData, WorkChainNode
from ase import Atoms
from ase.build import bulk
from plumpy import ProcessState

from aiida_anhcsp.data.population import PopulationData
from aiida_anhcsp.data.potential import PotentialData


def generation(number: int, enthalpies: list[float]) -> PopulationData:
    """A relaxed and ranked population; a structure with an enthalpy that is not finite has failed."""
    frames = []
    for index, enthalpy in enumerate(enthalpies):
        frame = bulk("Cu", a=3.6 + 0.1 * index)
        frame.info = {"id": f"g{number:03d}-{index:04d}", "generation": number, "pressure": 10.0, "operator": "random"}
        frame.info |= {"status": "exploded", "reason": "the cell grew without end"}
        if np.isfinite(enthalpy):
            frame.info |= {"status": "converged", "enthalpy": enthalpy, "rank": index + 1, "spacegroup": "Fm-3m"}
            del frame.info["reason"]
        frames.append(frame)
    return PopulationData.from_frames(frames)


def call(parent: ProcessNode, child: ProcessNode, label: str, outputs: dict[str, Data] | None) -> None:
    """Let ``parent`` call ``child``, which ends with these outputs, or waits if there are none."""
    work = isinstance(child, WorkChainNode)
    child.base.links.add_incoming(parent, LinkType.CALL_WORK if work else LinkType.CALL_CALC, label)
    child.label = label
    child.store()
    for name, data in (outputs or {}).items():
        if work:
            data.store()
        data.base.links.add_incoming(child, LinkType.RETURN if work else LinkType.CREATE, name)
        data.store()
    child.set_process_state(ProcessState.WAITING if outputs is None else ProcessState.FINISHED)
    if outputs is not None:
        child.set_exit_status(0)


@pytest.fixture
def job(aiida_localhost: Any) -> Callable[[str], CalcJobNode]:
    """A job of this entry point, not stored."""

    def make(entry_point: str) -> CalcJobNode:
        node = CalcJobNode(computer=aiida_localhost, process_type=f"aiida.calculations:{entry_point}")
        node.set_option("resources", {"num_machines": 1, "num_mpiprocs_per_machine": 1})
        return node

    return make


@pytest.fixture
def search(aiida_profile_clean: Any, job: Callable) -> WorkChainNode:
    """Generation 0 is relaxed and ranked, the jobs of generation 1 are at work."""
    node = WorkChainNode(process_type="aiida.workflows:anhcsp.search")
    settings = Dict({"formula": "Cu", "pressure": 10, "population": 3, "generations": 2, "seed": 1}).store()
    node.base.links.add_incoming(settings, LinkType.INPUT_WORK, "settings")
    node.store()
    node.set_process_state(ProcessState.WAITING)
    steps: tuple[tuple[str, dict[str, Data] | None], ...] = (
        ("generation_000_generate", {}),
        ("generation_000_relax", {"population": generation(0, [0.1, 0.2, float("inf")])}),
        ("generation_001_vary", {}),
        ("generation_001_relax", None),
    )
    for label, outputs in steps:
        call(node, job(f"anhcsp.{label.rsplit('_', 1)[1]}"), label, outputs)
    return node


def sscha_result(energy: float) -> Dict:
    """What the ranking takes of an SSCHA run."""
    return Dict(
        {
            "converged": True,
            "gibbs_free_energy": energy,
            "gibbs_free_energy_error": 0.001,
            "spacegroup_initial": "Fm-3m",
            "spacegroup_final": "Fm-3m",
        }
    ).store()


@pytest.fixture
def whole(search: WorkChainNode, job: Callable) -> WorkChainNode:
    """The whole path, ended: a search that learned, a Hessian, and a ranking in which the second structure wins.

    The third SSCHA run came to the same crystal as the second.
    """
    from aiida_anhcsp.calculations.functions.ranking import ranking_table

    root = WorkChainNode(process_type="aiida.workflows:anhcsp.csp", label="<copper> & co")
    root.store()
    learned = WorkChainNode(process_type="aiida.workflows:anhcsp.search")
    learned.base.links.add_incoming(
        Dict({"formula": "Cu", "pressure": 10, "population": 3, "generations": 1, "seed": 1}).store(),
        LinkType.INPUT_WORK,
        "settings",
    )
    ranked = generation(0, [0.1, 0.12, 0.15, 0.3])
    rmse = {"energy": 30.0, "force": 150.0, "stress": 5.0}
    row = {"generation": 0, "rmse_before": rmse, "rmse_after": {key: value / 3 for key, value in rmse.items()}}
    call(root, learned, "search_p10", {"population": ranked, "history": Dict({"generations": [row]})})
    broken = generation(0, [0.1, float("inf")])
    call(learned, job("anhcsp.relax"), "generation_000_relax", {"population": broken})
    child = broken.get_frame("g000-0000")
    child.info |= {"id": "g001-0000", "generation": 1, "operator": "heredity", "parents": "g000-0000 g000-0001"}
    call(learned, job("anhcsp.relax"), "generation_001_relax", {"population": PopulationData.from_frames([child])})
    parity = {"energy": {"label": [-1.0, -1.1], "before": [-0.9, -1.0], "after": [-0.99, -1.09]}}
    parity["force"] = {"label": [-1.0, 0.0, 2.0], "before": [-0.5, 0.5, 1.0], "after": [-0.9, 0.1, 1.9]}
    errors = {"0": {"after": {"energy": 10.0, "force": 50.0}}}
    finetune = WorkChainNode(process_type="aiida.workflows:anhcsp.finetune")
    call(learned, finetune, "generation_000_finetune", {"metrics": Dict({"parity": parity, "by_round": errors})})
    bands = {"labels": ["GAMMA", "X"], "label_distances": [0.0, 1.0], "distances": [0.0, 1.0]}
    bands |= {kind: [[0.0, 10.0], [50.0, 60.0]] for kind in ("harmonic", "auxiliary", "hessian")}
    call(root, job("anhcsp.hessian"), "hessian", {"result": Dict({"dispersions": bands})})
    names = {f"p10_t{t}_g000_000{i}": (f"g000-000{i}", t) for t in (0, 300) for i in (0, 1, 2)}
    runs = {name: {"id": identity, "pressure": 10.0, "temperature": t} for name, (identity, t) in names.items()}
    gibbs = {"g000-0000": 0.25, "g000-0001": 0.24, "g000-0002": 0.241}
    cells = {"g000-0000": 3.6, "g000-0001": 3.9, "g000-0002": 3.9}
    results = {f"result_{name}": sscha_result(gibbs[identity]) for name, (identity, _) in names.items()}
    structures = {
        f"structure_{name}": StructureData(ase=bulk("Cu", a=cells[identity])).store()
        for name, (identity, _) in names.items()
    }
    ranking = ranking_table(runs=Dict(runs), population_p10=ranked, **results, **structures)
    potential = PotentialData.from_callable("ase.calculators.emt:EMT", {}).store()
    for name, data in {"ranking": ranking, "population": ranked, "potential": potential}.items():
        data.base.links.add_incoming(root, LinkType.RETURN, name)
    root.set_process_state(ProcessState.FINISHED)
    root.set_exit_status(0)
    return root


@pytest.fixture
def crystals() -> list[Atoms]:
    """Three crystals that differ, and one that is the first again but for noise."""
    frames = [bulk("Cu", "fcc", a=3.6), bulk("Cu", "bcc", a=2.9), bulk("Cu", "sc", a=2.4), bulk("Cu", "fcc", a=3.601)]
    for index, frame in enumerate(frames):
        frame.info = {"id": f"g000-{index:04d}", "enthalpy": 0.1 * index, "spacegroup": "Fm-3m", "generation": 0}
    return frames


@pytest.fixture
def compositions(aiida_profile_clean: Any, job: Callable) -> WorkChainNode:
    """A search over compositions of Cu and Au, ended: the ordered alloy is on the hull, its rival 40 meV/atom above."""
    from aiida_anhcsp.engine.search.rank import rank
    from aiida_anhcsp.engine.search.settings import SearchSettings

    limits = {"elements": {"Cu": "0-2", "Au": "0-2"}, "atoms": "1-4"}
    keys = {"composition": limits, "population": 4, "generations": 1, "seed": 1}
    alloys = [bulk("CuAu", structure, a=a) for structure, a in (("cesiumchloride", 3.1), ("rocksalt", 5.2))]
    frames = [bulk("Cu"), bulk("Au"), *alloys]
    for index, (frame, enthalpy) in enumerate(zip(frames, (-3.0, -5.0, -4.1, -4.06), strict=True)):
        frame.info = {"id": f"g000-{index:04d}", "generation": 0, "pressure": 0.0, "operator": "random"}
        frame.info |= {"status": "converged", "enthalpy": enthalpy, "spacegroup": "Pm-3m"}
    node = WorkChainNode(process_type="aiida.workflows:anhcsp.search")
    node.base.links.add_incoming(Dict(keys).store(), LinkType.INPUT_WORK, "settings")
    node.store()
    call(node, job("anhcsp.relax"), "generation_000_relax", {"population": PopulationData.from_frames(frames)})
    ranked = PopulationData.from_frames(rank(frames, SearchSettings.parse(keys))).store()
    ranked.base.links.add_incoming(node, LinkType.RETURN, "population")
    node.set_process_state(ProcessState.FINISHED)
    node.set_exit_status(0)
    return node


@pytest.fixture
def chain(aiida_profile_clean: Any, job: Callable) -> WorkChainNode:
    """A relaxation of finalists: two structures ran out of time, the next job relaxed one and gave the other up."""
    root = WorkChainNode(process_type="aiida.workflows:anhcsp.csp").store()
    node = WorkChainNode(process_type="aiida.workflows:anhcsp.relax")
    whole = generation(1, [0.1, float("inf")])
    call(root, node, "relax_p10", {"population": whole})
    call(node, job("anhcsp.relax"), "job_00", {"population": generation(1, [float("inf")] * 2)})
    call(node, job("anhcsp.relax"), "job_01", {"population": whole.clone()})
    return node


@pytest.fixture
def diagram(aiida_profile_clean: Any, job: Callable) -> WorkChainNode:
    """A phase diagram of two phases at two pressures, ended: the first gives way to the second half way between."""
    from aiida_anhcsp.calculations.functions.phase_diagram import phase_table

    root = WorkChainNode(process_type="aiida.workflows:anhcsp.phase_diagram", label="diagram")
    potential = PotentialData.from_callable("ase.calculators.emt:EMT", {}).store()
    root.base.links.add_incoming(potential, LinkType.INPUT_WORK, "potential")
    settings = Dict({"pressures": [10.0, 20.0], "stages": ["2x2x2:20"], "seed": 1}).store()
    root.base.links.add_incoming(settings, LinkType.INPUT_WORK, "settings")
    root.store()
    gibbs = {("g000-0000", 10.0): 0.24, ("g000-0001", 10.0): 0.25, ("g000-0000", 20.0): 0.35, ("g000-0001", 20.0): 0.34}
    runs: dict[str, dict[str, Any]] = {}
    nodes: dict[str, Data] = {}
    for pressure in (10.0, 20.0):
        frames = generation(0, [0.1, 0.12]).get_frames()
        for frame in frames:
            frame.info["pressure"] = pressure
        relaxed = PopulationData.from_frames(frames)
        call(root, job("anhcsp.relax"), f"relax_p{pressure:g}", {"population": relaxed})
        relaxed.base.links.add_incoming(root, LinkType.RETURN, f"populations__p{pressure:g}")
        nodes[f"population_p{pressure:g}"] = relaxed
        for identity, a in (("g000-0000", 3.6), ("g000-0001", 3.9)):
            name = f"p{pressure:g}_{identity.replace('-', '_')}"
            runs[name] = {"id": identity, "pressure": pressure, "temperature": 0}
            nodes[f"result_{name}"] = sscha_result(gibbs[identity, pressure])
            nodes[f"structure_{name}"] = StructureData(ase=bulk("Cu", a=a)).store()
    table = phase_table(runs=Dict(runs), **nodes)
    table.base.links.add_incoming(root, LinkType.RETURN, "phase_diagram")
    root.set_process_state(ProcessState.FINISHED)
    root.set_exit_status(0)
    return root
