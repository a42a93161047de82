"""Questions to the graph: where a structure comes from, what a free energy rests on, what is known of a formula."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiida.common.links import LinkType
from aiida.orm import ProcessNode, QueryBuilder, WorkChainNode
from ase import Atoms
from ase.formula import Formula

from ..data.population import PopulationData
from ..data.potential import PotentialData
from ..engine.errors import InputError
from ..engine.search.rank import is_relaxed
from .provenance import sources_of
from .searching import relaxed_by_generation, searches_of

PRESSURE_TOLERANCE = 0.05
"""GPa within which two pressures are one."""


@dataclass(frozen=True)
class Training:
    """One training of a potential: what came out, where it started, and the labels it learned from."""

    potential: PotentialData
    start: PotentialData | None
    dataset: PopulationData
    job: ProcessNode


@dataclass(frozen=True)
class Known:
    """A relaxed structure of some search in the profile."""

    search: ProcessNode
    frame: Atoms


def ancestry(search: ProcessNode, identity: str) -> list[Atoms]:
    """A structure of a search and all its ancestors, the youngest first; the last ones have no parents.

    :param search: ``anhcsp.search``
    :param identity: ``id`` of the structure, such as ``g003-0017``
    :raises InputError: the search made no such structure.
    """
    known = {str(frame.info["id"]): frame for frames in relaxed_by_generation(search).values() for frame in frames}
    if identity not in known:
        raise InputError("ID", f"search {search.pk} made no structure {identity}", "see aiida-anhcsp ranking PK")
    line, waiting = {}, [identity]
    while waiting:
        name = waiting.pop(0)
        if name in known and name not in line:
            line[name] = known[name]
            waiting += parents_of(known[name])
    return list(line.values())


def parents_of(frame: Atoms) -> list[str]:
    """Identities of a structure's parents, none for a random one."""
    return str(frame.info.get("parents", "")).replace(",", " ").split()


def search_at(run: ProcessNode, pressure: float | None = None) -> ProcessNode:
    """The search of a run at a pressure (GPa); the last one where several were made.

    :raises InputError: there is none, or several at different pressures and ``pressure`` is not given.
    """
    searches = searches_of(run)
    pressures = [float(search.inputs.settings["pressure"]) for search in searches]
    if pressure is None and len(set(pressures)) > 1:
        raise InputError("--pressure", "the run has several", f"give one of {', '.join(f'{p:g}' for p in pressures)}")
    found = [
        search
        for search, value in zip(searches, pressures, strict=True)
        if pressure is None or abs(value - pressure) < PRESSURE_TOLERANCE
    ]
    if not found:
        raise InputError("PK", f"run {run.pk} has no such search", "see aiida-anhcsp report PK")
    return found[-1]


def trainings_of(potential: PotentialData) -> list[Training]:
    """The trainings that made a potential, the latest first, down to the one that was imported."""
    trainings = []
    current: PotentialData | None = potential
    while current is not None and current.creator is not None:
        job = current.creator
        start = job.inputs.potential if "potential" in job.inputs else None
        trainings.append(Training(current, start, job.inputs.dataset, job))
        current = start
    return trainings


def behind_free_energy(run: ProcessNode, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a free energy of the ranking rests on.

    :param row: of ``anhcsp.csp``'s ranking
    :return: ``sources`` (nodes by what they give), ``potential``, its ``sha256``, its ``trainings``
    :raises InputError: the run has no potential.
    """
    if "potential" not in run.outputs:
        raise InputError("PK", f"run {run.pk} has no potential", "give the PK of a search or of the whole path")
    (sources,) = sources_of(run, [row])
    potential: PotentialData = run.outputs.potential
    return {
        "sources": sources,
        "potential": potential,
        "sha256": potential.base.attributes.get("sha256"),
        "trainings": trainings_of(potential),
    }


def structures_of(formula: str, pressure: float, below: float = float("inf")) -> list[Known]:
    """All relaxed structures of a formula at a pressure below an enthalpy, over all searches of the profile.

    :param formula: any multiple of the formula unit: ``H3S`` finds ``H6S2`` too
    :param pressure: GPa
    :param below: eV/atom; enthalpies of different potentials have different zeros
    :return: lowest first
    """
    wanted = reduced(formula)
    found = [
        Known(search, frame)
        for search, population in _populations(pressure)
        for frame in population.get_frames()
        if is_relaxed(frame) and frame.info["enthalpy"] < below and reduced(frame.get_chemical_formula()) == wanted
    ]
    return sorted(found, key=lambda known: (known.frame.info["enthalpy"], known.search.pk, known.frame.info["id"]))


def reduced(formula: str) -> str:
    """A formula in its smallest numbers, elements in Hill's order.

    :raises InputError: it is no formula.
    """
    try:
        return Formula(formula).reduce()[0].format("hill")
    except ValueError as error:
        raise InputError("FORMULA", f"{formula!r} is none ({error})", "write it like H3S") from error


def _populations(pressure: float) -> Iterator[tuple[ProcessNode, PopulationData]]:
    query = QueryBuilder().append(
        WorkChainNode, filters={"process_type": {"like": "%anhcsp.search"}}, tag="search", project="*"
    )
    query.append(
        PopulationData,
        with_incoming="search",
        edge_filters={"type": LinkType.RETURN.value, "label": "population"},
        filters={
            "and": [
                {"attributes.pressure": {">": pressure - PRESSURE_TOLERANCE}},
                {"attributes.pressure": {"<": pressure + PRESSURE_TOLERANCE}},
            ]
        },
        project="*",
    )
    yield from query.iterall()
